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
#include "dataservice/source/picture_folders.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

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
  const fs::path source = absolute_folder(given);
  const fs::path folder =
      flags.has("--destination") ? fs::path(flags.text("--destination")) : source.parent_path();
  const std::string name = flags.text("--saved_file_name", source.filename().string());
  const auto max_ids = static_cast<std::size_t>(flags.integer("--max-ids", kMost, 1, kMost));
  const auto max_per_id = static_cast<std::size_t>(flags.integer("--max-per-id", kMost, 1, kMost));
  const auto seed =
      static_cast<std::uint64_t>(flags.integer("--seed", 42, 0, std::numeric_limits<std::int64_t>::max()));
  const std::string ending = flags.text("--file_type", "jpg");

  std::vector<PictureFolder> found;
  std::size_t left_out = 0;
  for_each_picture_folder(
      source,
      [&](std::string_view file) {
        const bool taken = file.ends_with(ending);
        if (!taken && has_picture_ending(file)) ++left_out;
        return taken;
      },
      [&](PictureFolder one) { found.push_back(std::move(one)); });
  if (found.empty())
    throw Error(ErrorKind::kInput, "list: no file ending in " + ending + " below " + source.string());

  const std::string target = (folder / (name + ".txt")).string();
  CheckedFile file(target);
  std::size_t pictures = 0;
  const auto kept = choose(found.size(), max_ids, RandomStream(seed, Purpose::kSample, 0, 0));
  for (const std::size_t i : kept) {
    for (const std::size_t k :
         choose(found[i].files.size(), max_per_id, RandomStream(seed, Purpose::kSample, 1, i))) {
      file.write(found[i].files[k] + "\n");
      ++pictures;
    }
  }
  file.commit();
  out << pictures << " pictures of " << kept.size() << " identities: " << target << "\n";
  if (left_out > 0)
    out << left_out << " pictures whose names do not end in " << ending
        << " were left out (-end_with; a folder given as data.train_source has all of them)\n";
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
