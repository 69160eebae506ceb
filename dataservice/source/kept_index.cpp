#include "dataservice/source/kept_index.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/error.hpp"
#include "common/fnv.hpp"
#include "common/formatted.hpp"
#include "common/io/file.hpp"
#include "common/io/path.hpp"
#include "dataservice/source/random_file.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kIndexMagic = 0x0a7865646e697466;  // "ftindex\n"
constexpr std::uint64_t kIndexVersion = 1;
constexpr std::size_t kHeader = 4;  // numbers in front of the parts' sizes
constexpr std::size_t kSlice = std::size_t{1} << 20;
constexpr const char* kEnding = ".facetrain-index";

// FNV-1a over words of 8 bytes instead of bytes, a last one filled up with zeros. Each step is one to one in
// the word and in what came before, so that a change inside one word is always seen.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) {
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) take(bytes.first(8));
    if (!bytes.empty()) take(bytes);
  }
  std::uint64_t value() const { return hash_; }

 private:
  void take(std::span<const std::byte> bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), bytes.size());
    hash_ = (hash_ ^ word) * 0x100000001b3u;
    hash_ ^= hash_ >> 32;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

std::size_t padding(std::size_t bytes) {
  return (8 - bytes % 8) % 8;
}

std::string states_of(const std::vector<std::string>& files) {
  std::string text;
  // The name without its folder: a data set that moves with its index keeps it.
  for (const std::string& file : files)
    text += file_state(file) + " " + fs::path(file).filename().string() + "\n";
  return text;
}

// Of nothing that can be looked at; opening the files tells what is wrong with them.
std::string states_or_none(const std::vector<std::string>& files) {
  try {
    return states_of(files);
  } catch (const Error&) {
    return "";
  }
}

void write_index(const std::string& path, std::uint64_t identity, std::span<const IndexPart> parts) {
  CheckedFile file(path);
  Checksum sum;
  const auto put = [&](std::span<const std::byte> bytes) {
    sum.add(bytes);
    for (; bytes.size() > kSlice; bytes = bytes.subspan(kSlice)) file.write(bytes.first(kSlice));
    file.write(bytes);
  };
  std::vector<std::uint64_t> head = {kIndexMagic, kIndexVersion, identity, parts.size()};
  for (const IndexPart& part : parts) head.push_back(part.bytes().size());
  put(std::as_bytes(std::span(head)));
  for (const IndexPart& part : parts) {
    put(part.bytes());
    constexpr std::array<std::byte, 8> kZeros{};
    file.write(std::span(kZeros).first(padding(part.bytes().size())));
  }
  const std::uint64_t end = sum.value();
  file.write(std::as_bytes(std::span(&end, 1)));
  file.commit_unsynced();
}

// What is wrong with the index at `path`; "" when the parts hold it now. Throws Error(kInput) where it cannot
// be read.
std::string read_index(const std::string& path, std::uint64_t identity, std::span<const IndexPart> parts) {
  const RandomFile file(path);
  const char* const cut = "is damaged";
  std::vector<std::uint64_t> head(kHeader + parts.size());
  if (file.size() < sizeof(std::uint64_t) * kHeader) return cut;
  const auto front = std::as_writable_bytes(std::span(head));
  file.read(0, front.first(sizeof(std::uint64_t) * kHeader));
  if (head[0] != kIndexMagic) return "is no index of facetrain";
  if (head[1] != kIndexVersion) return "is of another version of facetrain";
  if (head[2] != identity) return "is of other files than are there now";
  if (head[3] != parts.size() || file.size() < front.size()) return cut;
  file.read(0, front);
  std::uint64_t size = front.size() + sizeof(std::uint64_t);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const std::uint64_t bytes = head[kHeader + k];
    if (bytes > file.size() || bytes % parts[k].element() != 0) return cut;
    size += bytes + padding(bytes);
  }
  if (size != file.size()) return cut;
  Checksum sum;
  sum.add(front);
  std::uint64_t at = front.size();
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const std::uint64_t bytes = head[kHeader + k];
    parts[k].resize(bytes / parts[k].element());
    file.read(at, parts[k].bytes());
    sum.add(parts[k].bytes());
    at += bytes;
    std::array<std::byte, 8> filled{};
    const auto zeros = std::span(filled).first(padding(bytes));
    file.read(at, zeros);
    if (std::any_of(zeros.begin(), zeros.end(), [](std::byte b) { return b != std::byte{0}; })) return cut;
    at += zeros.size();
  }
  std::uint64_t end = 0;
  file.read(at, std::as_writable_bytes(std::span(&end, 1)));
  return end == sum.value() ? "" : cut;
}

// Whoever may write into the folder could put an index there that tells of other labels. So it must be of
// somebody who could do that to the source itself.
std::string objection(const struct stat& index, const std::string& file) {
  struct stat source {};
  const bool is_trusted = index.st_uid == geteuid() || index.st_uid == 0 ||
                          (stat(file.c_str(), &source) == 0 && index.st_uid == source.st_uid);
  return is_trusted ? "" : "belongs to another user than the data";
}

void empty(std::span<const IndexPart> parts) {
  for (const IndexPart& part : parts) part.resize(0);
}

// "" where there is none.
std::string cache_folder() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/facetrain";
  const char* const home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/facetrain" : "";
}

}  // namespace

std::string file_state(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) throw Error(ErrorKind::kInput, with_errno("stat " + path, errno));
  return std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec);
}

KeptIndex::KeptIndex(const std::string& source, std::string_view layout,
                     const std::vector<std::string>& files)
    : source_(without_trailing_slashes(source)), layout_(layout) {
  add_files(files);
}

void KeptIndex::add_files(const std::vector<std::string>& files) {
  files_.insert(files_.end(), files.begin(), files.end());
  states_ += states_or_none(files);
}

std::uint64_t KeptIndex::identity() const {
  return fnv1a_64(layout_ + "\n" + states_);
}

std::vector<std::string> KeptIndex::places() const {
  std::vector<std::string> places = {source_ + kEnding};
  if (const std::string folder = cache_folder(); !folder.empty()) {
    std::error_code unknown;
    places.push_back(folder + "/" +
                     hex(fnv1a_64(fs::absolute(source_, unknown).lexically_normal().string())) + kEnding);
  }
  return places;
}

bool KeptIndex::load(std::span<const IndexPart> parts, const std::function<bool()>& fits) {
  std::vector<std::string> unusable;
  for (const std::string& place : places()) {
    struct stat status {};
    if (lstat(place.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    std::string wrong = objection(status, files_.front());
    try {
      if (wrong.empty()) wrong = read_index(place, identity(), parts);
      // Files that were replaced since the constructor looked at them were opened as others than the index is
      // of.
      if (wrong.empty() && fits() && states_or_none(files_) == states_) return true;
      if (wrong.empty()) wrong = "does not fit the files";
    } catch (const Error& error) {
      wrong = std::string("cannot be read (") + error.what() + ")";
    }
    unusable.push_back(place + " " + wrong + ": not used; " + source_ +
                       " is gone through, and its index made anew");
  }
  empty(parts);
  warnings_.insert(warnings_.end(), unusable.begin(), unusable.end());
  return false;
}

void KeptIndex::keep(std::span<const IndexPart> parts) {
  if (states_.empty() || states_or_none(files_) != states_) return;
  std::string why;
  for (const std::string& place : places()) {
    try {
      std::error_code unknown;  // the write tells
      fs::create_directories(fs::path(place).parent_path(), unknown);
      write_index(place, identity(), parts);
      return;
    } catch (const Error& error) {
      why += (why.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  warnings_.push_back("the index of " + source_ + " cannot be kept (" + why +
                      "): all of it is gone through each time that it is opened");
}

}  // namespace facetrain
