// facetrain list: a folder per identity becomes a training list. The reference's file_path_extractor.py, but
// sorted, and it sees every subfolder.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <ostream>
#include <utility>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/plan/philox.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

struct Folder {
  std::string path;
  std::vector<std::string> files;  // absolute, sorted
};

[[noreturn]] void cannot_read(const std::string& path, const std::error_code& error) {
  throw Error(ErrorKind::kInput, "cannot read the folder " + path + ": " + error.message());
}

// A link to a folder above itself would never end.
bool leads_back(const fs::directory_entry& entry, const fs::path& folder) {
  std::error_code error;
  if (!entry.is_symlink(error)) return false;
  const std::string target = fs::canonical(entry.path(), error).string() + "/";
  return !error && (fs::canonical(folder, error).string() + "/").starts_with(target);
}

// Adds `folder` when it holds matching files, then everything below it, in sorted order.
void collect(const fs::path& folder, const std::string& ending, std::vector<Folder>& found) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) cannot_read(folder.string(), error);
  std::vector<fs::path> below;
  Folder here{folder.string(), {}};
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    if (error) cannot_read(folder.string(), error);
    const std::string name = entries->path().filename().string();
    std::error_code unknown;  // a dangling link is neither
    if (entries->is_directory(unknown)) {
      if (!leads_back(*entries, folder)) below.push_back(entries->path());
    } else if (name.ends_with(ending) && !name.starts_with('.'))  // as the reference's glob("*jpg")
    {
      here.files.push_back(entries->path().string());
    }
  }
  if (error) cannot_read(folder.string(), error);
  std::sort(here.files.begin(), here.files.end());
  std::sort(below.begin(), below.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  if (!here.files.empty()) found.push_back(std::move(here));
  for (const fs::path& path : below) collect(path, ending, found);
}

// A random choice of `keep` of n places, in ascending order; all of them when there are no more.
std::vector<std::size_t> choose(std::size_t n, std::size_t keep, RandomStream random) {
  std::vector<std::size_t> places(n);
  for (std::size_t i = 0; i < n; ++i) places[i] = i;
  if (keep >= n) return places;
  for (std::size_t i = 0; i < keep; ++i)
    std::swap(places[i], places[i + random.below(static_cast<std::uint32_t>(n - i))]);
  places.resize(keep);
  std::sort(places.begin(), places.end());
  return places;
}

void run(const Flags& flags, std::ostream& out) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  const std::string given = flags.text("--source");
  std::error_code error;
  const bool is_folder = fs::is_directory(given, error);
  if (error) cannot_read(given, error);
  if (!is_folder) throw Error(ErrorKind::kInput, "list: this is not a folder: " + given);
  fs::path source = fs::absolute(given).lexically_normal();
  if (!source.has_filename()) source = source.parent_path();  // a trailing slash
  const fs::path folder =
      flags.has("--destination") ? fs::path(flags.text("--destination")) : source.parent_path();
  const std::string name = flags.text("--saved_file_name", source.filename().string());
  const auto max_ids = static_cast<std::size_t>(flags.integer("--max-ids", kMost, 1, kMost));
  const auto max_per_id = static_cast<std::size_t>(flags.integer("--max-per-id", kMost, 1, kMost));
  const auto seed =
      static_cast<std::uint64_t>(flags.integer("--seed", 42, 0, std::numeric_limits<std::int64_t>::max()));
  const std::string ending = flags.text("--file_type", "jpg");

  std::vector<Folder> found;
  collect(source, ending, found);
  if (found.empty())
    throw Error(ErrorKind::kInput, "list: no file ending in " + ending + " below " + source.string());

  const std::string target = (folder / (name + ".txt")).string();
  CheckedFile file(target);
  std::size_t pictures = 0;
  const auto kept = choose(found.size(), max_ids, RandomStream(seed, Purpose::kSample, 0, 0));
  for (const std::size_t i : kept) {
    for (const std::size_t k :
         choose(found[i].files.size(), max_per_id, RandomStream(seed, Purpose::kSample, 1, i))) {
      if (found[i].files[k].find('\n') != std::string::npos)
        throw Error(ErrorKind::kInput,
                    "list: a file name with a line break cannot be listed, in " + found[i].path);
      file.write(found[i].files[k] + "\n");
      ++pictures;
    }
  }
  file.commit();
  out << pictures << " pictures of " << kept.size() << " identities: " << target << "\n";
}

}  // namespace

Command list_command() {
  return {"list",
          "Write the list of a folder's pictures (a folder per identity), sorted, for data.train_source",
          {{{"--source", "-s"}, "DIR", "folder of the pictures", true},
           {{"--destination", "-d"}, "DIR", "where the list goes (default: beside the source folder)"},
           {{"--saved_file_name", "-sfn"},
            "NAME",
            "name of the list, without .txt (default: the source folder's name)"},
           {{"--file_type", "-end_with"}, "jpg", "the end of the file names to take (default: jpg)"},
           {{"--max-ids"}, "N", "take at most N identities, chosen at random"},
           {{"--max-per-id"}, "M", "take at most M pictures of an identity, chosen at random"},
           {{"--seed"}, "S", "seed of the random choices (default: 42)"}},
          run};
}

}  // namespace facetrain
