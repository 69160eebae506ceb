#include "trainer/checkpoint/resume.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/checkpoint/compatibility.hpp"
#include "common/checkpoint/folders.hpp"
#include "common/checkpoint/position.hpp"
#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"

namespace facetrain {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
    end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
  }
  return lines;
}

// An error as a text for the other ranks, and back: storage that fails is not a checkpoint that is damaged.
std::string marked(const Error& error) {
  return (error.kind() == ErrorKind::kInput ? "-" : "!") + std::string(error.what());
}
Error unmarked(const std::string& text) {
  return {text.starts_with('!') ? ErrorKind::kIo : ErrorKind::kInput, text.substr(1)};
}

// What the first rank reads of the file, on all; the failure is everybody's, and of the same kind.
std::string shared_file(const std::string& path, const MpiComm& trainers) {
  std::string text;
  if (trainers.rank() == 0) {
    try {
      const std::vector<std::byte> bytes = read_file(path);
      text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      text.insert(0, "+");
    } catch (const Error& error) {
      text = marked(error);
    }
  }
  text = broadcast_text(trainers, std::move(text));
  if (!text.starts_with('+')) throw unmarked(text);
  return text.substr(1);
}

}  // namespace

std::vector<std::string> candidates(const Config& config, const std::string& run_folder) {
  const std::string own = checkpoints_folder(run_folder);
  std::vector<std::string> folders;
  for (const std::int64_t updates : list_checkpoints(own))
    folders.push_back(own + "/" + checkpoint_name(updates));
  if (folders.empty() && !config.run.resume.empty()) folders.push_back(config.run.resume);
  return folders;
}

std::optional<SavedRun> find_saved_run(const Config& config, const std::string& run_folder,
                                       const PlanPosition& now, const MpiComm& trainers,
                                       const std::function<void(const std::string&)>& say) {
  std::string list;
  if (trainers.rank() == 0)
    for (const std::string& folder : candidates(config, run_folder)) list += folder + "\n";
  const std::vector<std::string> folders = lines_of(broadcast_text(trainers, std::move(list)));
  for (const std::string& folder : folders) {
    SavedRun saved{folder, {}, {}};
    std::string failure;
    try {
      const std::string path = folder + "/" + kManifestName;
      saved.manifest = parse_manifest(shared_file(path, trainers), path);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInput) throw;
      failure = error.what();  // the same on all ranks
    }
    if (failure.empty()) {
      require_none(config_objection(parse_config(saved.manifest.config, folder), config), folder);
      require_none(plan_objection(saved.manifest.position, now, config), folder);
      if (is_finished(saved.manifest.position, config)) return saved;
      try {
        saved.tensors = read_checkpoint(folder, saved.manifest, trainers.rank(), trainers.size());
      } catch (const Error& error) {
        failure = marked(error);
      }
      std::string first;
      for (const std::string& text : all_gather_texts(trainers, failure)) {
        if (text.starts_with('!')) throw unmarked(text);
        if (first.empty()) first = text;
      }
      failure = first.empty() ? "" : unmarked(first).what();
    }
    if (failure.empty()) return saved;
    say("WARNING: the checkpoint " + folder + " cannot be used: " + failure +
        (folder == folders.back() ? "" : "; trying the one before"));
  }
  if (!folders.empty())
    throw Error(ErrorKind::kInput, "none of the " + std::to_string(folders.size()) + " checkpoints up to " +
                                       folders.front() + " can be used; --fresh starts a new run");
  return {};
}

}  // namespace facetrain
