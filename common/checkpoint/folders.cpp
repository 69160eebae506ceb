#include "common/checkpoint/folders.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/io/file.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kStep = "step_", kUnfinished = ".tmp.";

template <class Number>
std::optional<Number> number_from_zero(std::string_view text) {
  const auto value = parse_number<Number>(text);
  return value && *value >= 0 ? value : std::nullopt;
}

std::vector<std::string> names_in(const std::string& folder, std::error_code& error) {
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    names.push_back(entry->path().filename());
  return names;
}

// Those that can be seen: what is to be removed and is not seen stays.
std::vector<std::string> names_in(const std::string& folder) {
  std::error_code unseen;
  return names_in(folder, unseen);
}

std::vector<std::int64_t> checkpoints_among(const std::vector<std::string>& names) {
  std::vector<std::int64_t> found;
  for (const std::string& name : names)
    if (const auto updates = updates_of(name)) found.push_back(*updates);
  std::sort(found.rbegin(), found.rend());
  return found;
}

void remove(const std::string& folder, const std::string& name) {
  std::error_code stays;
  fs::remove_all(folder + "/" + name, stays);
}

}  // namespace

std::string checkpoints_folder(const std::string& run_folder) {
  return run_folder + "/checkpoints";
}

std::string checkpoint_name(std::int64_t updates) {
  return std::string(kStep) + std::to_string(updates);
}

std::optional<std::int64_t> updates_of(std::string_view name) {
  if (!name.starts_with(kStep)) return {};
  return number_from_zero<std::int64_t>(name.substr(kStep.size()));
}

std::string unfinished_name(std::int64_t updates, std::uint64_t nonce) {
  return checkpoint_name(updates) + std::string(kUnfinished) + hex(nonce);
}

std::vector<std::int64_t> list_checkpoints(const std::string& folder) {
  std::error_code error;
  const std::vector<std::string> names = names_in(folder, error);
  if (error && error != std::errc::no_such_file_or_directory)
    throw Error(ErrorKind::kIo, "read the folder " + folder + ": " + error.message());
  return checkpoints_among(names);
}

void remove_unfinished(const std::string& folder) {
  for (const std::string& name : names_in(folder))
    if (const auto at = name.find(kUnfinished); at != name.npos && updates_of(name.substr(0, at)))
      remove(folder, name);
}

Manifest read_manifest(const std::string& checkpoint_folder) {
  const std::string path = checkpoint_folder + "/" + kManifestName;
  const std::vector<std::byte> bytes = read_file(path);
  return parse_manifest({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

std::vector<std::size_t> removable(const std::vector<Kept>& all, std::int64_t keep) {
  if (keep <= 0) return {};
  std::vector<std::size_t> latest(all.size());
  std::iota(latest.begin(), latest.end(), std::size_t{0});
  std::stable_sort(latest.begin(), latest.end(),
                   [&](std::size_t a, std::size_t b) { return all[a].step > all[b].step; });
  std::optional<std::size_t> best;
  for (const std::size_t i : latest)  // latest first: of equals the earliest stays
    if (all[i].accuracy > 0 && (!best || all[i].accuracy >= all[*best].accuracy)) best = i;
  std::vector<std::size_t> gone;
  for (std::size_t place = static_cast<std::size_t>(keep); place < latest.size(); ++place)
    if (latest[place] != best) gone.push_back(latest[place]);
  return gone;
}

std::optional<Kept> export_of(std::string_view name) {
  constexpr std::string_view kAccuracy = "_accuracy;", kOfStep = "_step;", kEnd = ".pth";
  const std::size_t accuracy = name.find(kAccuracy), step = name.find(kOfStep);
  if (!name.starts_with("model_") || !name.ends_with(kEnd) || accuracy == name.npos || step == name.npos ||
      step < accuracy)
    return {};
  const std::size_t first = accuracy + kAccuracy.size(), second = step + kOfStep.size();
  const auto value = number_from_zero<double>(name.substr(first, step - first));
  const auto updates =
      number_from_zero<std::int64_t>(name.substr(second, name.size() - kEnd.size() - second));
  if (!value || !updates) return {};
  return Kept{*updates, *value};
}

void remove_later(const std::string& folder, std::int64_t updates) {
  for (const std::int64_t other : checkpoints_among(names_in(folder)))
    if (other > updates) remove(folder, checkpoint_name(other));
}

void retain_checkpoints(const std::string& folder, std::int64_t keep) {
  std::vector<std::string> names;
  std::vector<Kept> all;
  for (const std::int64_t updates : checkpoints_among(names_in(folder))) {
    names.push_back(checkpoint_name(updates));
    all.push_back({updates, -1});
    try {
      all.back().accuracy = read_manifest(folder + "/" + names.back()).accuracy;
    } catch (const Error&) {  // damaged: kept as one of the latest, or not at all
    }
  }
  for (const std::size_t i : removable(all, keep)) remove(folder, names[i]);
}

void retain_exports(const std::string& folder, std::int64_t keep, std::int64_t step) {
  std::vector<std::string> names, found = names_in(folder);
  std::sort(found.rbegin(), found.rend());  // names begin with their time: of equal steps the newest is first
  std::vector<Kept> all;
  for (const std::string& name : found)
    if (const auto kept = export_of(name); kept && kept->step <= step) {
      names.push_back(name);
      all.push_back(*kept);
    }
  for (const std::size_t i : removable(all, keep)) remove(folder, names[i]);
}

}  // namespace facetrain
