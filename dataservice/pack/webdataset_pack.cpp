#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <unordered_map>
#include <unordered_set>

#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/io/file.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/pack/steps.hpp"
#include "dataservice/source/random_file.hpp"
#include "dataservice/source/shard_reader.hpp"
#include "dataservice/source/tar_file.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "dataservice/source/wids_index.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestFolder = 80;  // bytes: with a number and an ending it fits a tar header

// The name of a picture's folder, which is its identity; "" without one.
std::string folder_name(const std::string& path) {
  return fs::path(path).parent_path().filename().string();
}

bool is_plain(const std::string& name) {
  return !name.empty() && name.size() <= kLongestFolder && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-' || c == '.';
         });
}

// Folders for the samples' keys, by label: the identities' names, when all are plain and differ, so that
// `unpack` gives them back; else their numbers.
std::vector<std::string> key_folders(const Source& source) {
  std::vector<std::string> names(source.classes());
  for (std::uint32_t i = 0; i < source.size(); ++i) {
    std::string& name = names[static_cast<std::size_t>(source.label(i))];
    if (name.empty()) name = folder_name(source.name(i));
  }
  const bool plain = std::all_of(names.begin(), names.end(), is_plain) &&
                     std::unordered_set<std::string>(names.begin(), names.end()).size() == names.size();
  for (std::size_t label = 0; !plain && label < names.size(); ++label) {
    char text[24];
    std::snprintf(text, sizeof text, "%06zu", label);
    names[label] = text;
  }
  return names;
}

struct Range {
  std::string path;
  std::uint32_t first = 0, count = 0;
};

std::string key_of(const std::vector<std::string>& folders, const Source& source, std::uint32_t i) {
  char number[24];
  std::snprintf(number, sizeof number, "/%08u", i);
  return folders[static_cast<std::size_t>(source.label(i))] + number;
}

// Label first, as webdataset's TarWriter sorts a sample's members.
std::vector<Fingerprint> write_shard(const Source& source, const std::vector<std::string>& folders,
                                     const Range& range) {
  std::vector<Fingerprint> written;
  CheckedFile file(range.path);
  std::vector<std::byte> picture;
  const auto put = [&](const std::string& name, std::span<const std::byte> bytes) {
    file.write(tar_header(name, bytes.size()));
    file.write(bytes);
    file.write(tar_padding(bytes.size()));
  };
  for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
    source.read(i, picture);
    if (picture.empty()) throw Error(ErrorKind::kInput, source.name(i) + " is empty");
    const std::string key = key_of(folders, source, i), label = std::to_string(source.label(i));
    put(key + ".cls", std::as_bytes(std::span(label)));
    put(key + ".jpg", picture);
    written.push_back(fingerprint(picture));
  }
  file.write(tar_end());
  file.commit();
  return written;
}

// Reads a shard back. Without `written`, compares with the source itself. The name of the first picture that
// differs; "" when none does.
std::string difference(const Source& source, const std::vector<std::string>& folders, const Range& range,
                       const std::vector<Fingerprint>& written) {
  const RandomFile file(range.path);
  const std::vector<TarSample> samples = read_shard(file);
  if (samples.size() != range.count) return range.path;
  std::vector<std::byte> copy, original;
  for (std::uint32_t k = 0; k < range.count; ++k) {
    const std::uint32_t i = range.first + k;
    copy.resize(samples[k].size);
    file.read(samples[k].offset, copy);
    if (written.empty()) source.read(i, original);
    const bool same = written.empty() ? copy == original : fingerprint(copy) == written[k];
    if (!same || samples[k].label != source.label(i) || samples[k].key != key_of(folders, source, i))
      return range.path + ":" + samples[k].key;
  }
  return "";
}

// Is the shard there already, as it should be?
bool is_done(const Source& source, const std::vector<std::string>& folders, const Range& range) {
  std::error_code error;
  if (!fs::exists(range.path, error)) return false;
  try {
    return difference(source, folders, range, {}).empty();
  } catch (const Error&) {
    return false;
  }
}

// Is this STEM-NUMBER.tar.tmp.ANYTHING, what a killed run left of a shard?
bool is_left_over(std::string_view name, const std::string& stem) {
  if (!name.starts_with(stem + "-")) return false;
  name.remove_prefix(stem.size() + 1);
  const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  return digits > 0 && name.substr(digits).starts_with(".tar.tmp.");
}

// Shards that are there already may be written again only where the locked file `work` tells that a run with
// the same source and size of shards began them: it made sure that no others had these names.
void claim_shards(const Fd& lock, const std::string& work, const std::string& note,
                  const std::vector<Range>& ranges) {
  const std::vector<std::byte> bytes = read_file(work);
  const std::string_view noted(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (noted == note) return;
  std::error_code error;
  for (const Range& range : ranges) {
    if (!fs::exists(fs::symlink_status(range.path, error))) continue;
    if (noted.empty()) fs::remove(work, error);
    throw Error(ErrorKind::kInput,
                "pack: " + range.path +
                    " exists and is not of an unfinished run with this source and --shard; remove it or "
                    "name another --out");
  }
  if (ftruncate(lock.get(), 0) != 0 ||
      pwrite(lock.get(), note.data(), note.size(), 0) != static_cast<ssize_t>(note.size()) ||
      fsync(lock.get()) != 0)
    throw Error(ErrorKind::kIo, with_errno("write " + work, errno));
}

}  // namespace

PackReport pack_webdataset(const Source& source, const std::string& index, const PackLimits& limits) {
  const std::uint64_t digest = source_digest(source);
  std::error_code error;
  const auto is_there = [&] {
    if (!fs::exists(index, error)) return false;
    if (read_wids_index(index).digest == digest) return true;
    throw Error(ErrorKind::kInput,
                "pack: " + index + " exists and holds something else; remove it or name another file");
  };
  if (is_there()) return {source.size(), true};
  const fs::path folder = fs::path(index).parent_path();
  const std::string info = (folder / "dataset_info.txt").string();
  const std::string classes =
      "ids:" + std::to_string(source.classes()) + " images:" + std::to_string(source.size()) + "\n";
  if (fs::exists(info, error)) {
    const std::vector<std::byte> bytes = read_file(info);
    if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) != classes)
      throw Error(ErrorKind::kInput,
                  "pack: " + info +
                      " tells of other data, and the reference's loader would read it; name an "
                      "--out in a folder of its own");
  }
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) throw Error(ErrorKind::kIo, "create folder " + folder.string() + ": " + error.message());

  const std::string work = index + ".packing";
  const Fd lock = lock_work(work);
  if (is_there()) {  // another run finished it meanwhile
    fs::remove(work, error);
    return {source.size(), true};
  }
  const std::string stem = fs::path(index).stem().string();
  const std::vector<std::string> folders = key_folders(source);
  WidsIndex result{{}, source.classes(), digest};
  std::vector<Range> ranges;
  for (std::uint32_t first = 0; first < source.size(); first += limits.shard) {
    char number[24];
    std::snprintf(number, sizeof number, "-%06zu.tar", ranges.size());
    const std::uint32_t count = std::min(limits.shard, source.size() - first);
    result.shards.push_back({stem + number, count});
    ranges.push_back({(folder / (stem + number)).string(), first, count});
    if (source.size() - first <= limits.shard) break;  // before first + shard overflows
  }
  if (ranges.size() > 65535) throw Error(ErrorKind::kConfig, "pack: more than 65535 shards; raise --shard");
  const std::string note = hex(digest) + " " + std::to_string(limits.shard) + "\n";
  claim_shards(lock, work, note, ranges);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    if (is_left_over(entry.path().filename().string(), stem)) fs::remove(entry.path(), error);
  }

  std::atomic<std::uint32_t> kept{0};
  in_parallel(ranges.size(), [&](unsigned, std::uint64_t s) {
    if (is_done(source, folders, ranges[s])) {
      kept += ranges[s].count;
      return;
    }
    const std::string wrong = difference(source, folders, ranges[s], write_shard(source, folders, ranges[s]));
    if (!wrong.empty())
      throw Error(ErrorKind::kIo,
                  "pack: " + wrong + " reads back otherwise than it was written; the disk may be failing");
  });
  write_file_atomically(info, classes);
  write_file_atomically(index, format_wids_index(result));
  fs::remove(work, error);
  if (source.size() >= limits.keep_from) {  // opening the shards keeps their index
    const WebDatasetSource opened(index, limits.keep_from);
  }
  return {kept, false};
}

}  // namespace facetrain
