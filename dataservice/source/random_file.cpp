#include "dataservice/source/random_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/error.hpp"
#include "dataservice/source/mapped_copy.hpp"

namespace facetrain {
namespace {

// Of a longer hint the kernel keeps the start only: its device's read-ahead window (128 KiB unless somebody
// set it) or largest request, whichever is more (mm/readahead.c, force_page_cache_ra).
constexpr std::uint64_t kHint = 128 * 1024;

}  // namespace

RandomFile::RandomFile(std::string path) : path_(std::move(path)) {
  catch_bus_errors();
  file_ = MappedFile(path_);
}

void RandomFile::read_at_random() {
  if (size() == 0) return;
  madvise(const_cast<std::byte*>(file_.bytes().data()), size(), MADV_RANDOM);  // a hint: it may fail
  at_random_ = true;
}

void RandomFile::expect(std::uint64_t offset, std::uint64_t bytes) const noexcept {
  if (at_random_) will_need(offset, bytes);
}

void RandomFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (offset > size() || bytes.size() > size() - offset)
    damaged(size(), "it is cut off here; copy or download it again");
  if (bytes.empty()) return;  // an empty file has no mapping to copy from
  if (copy_mapped(bytes, file_.bytes().data() + offset)) return;
  std::error_code unknown;
  const std::uintmax_t now = std::filesystem::file_size(path_, unknown);
  if (!unknown && now < offset + bytes.size()) damaged(now, "it became shorter while it was read");
  throw Error(ErrorKind::kIo,
              "read " + path_ + " at byte " + std::to_string(offset) + ": its disk or file server failed");
}

void RandomFile::prefetch(std::uint64_t offset, std::uint64_t bytes) const noexcept {
  constexpr std::uint64_t kLine = 64;
  const std::uint64_t end = offset < size() ? offset + std::min(bytes, size() - offset) : 0;
  for (; offset < end; offset += kLine) __builtin_prefetch(file_.bytes().data() + offset);
}

void RandomFile::will_need(std::uint64_t offset, std::uint64_t bytes) const noexcept {
  if (offset >= size()) return;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t end = offset + std::min(bytes, size() - offset);
  std::byte* const mapped = const_cast<std::byte*>(file_.bytes().data());
  for (std::uint64_t at = offset / page * page; at < end; at += kHint)
    madvise(mapped + at, std::min(kHint, end - at), MADV_WILLNEED);
}

void RandomFile::will_need(std::vector<FilePart> parts) const {
  constexpr std::uint64_t kClose = 64 * 1024;  // a disk reads over a gap as fast as it would skip it
  std::sort(parts.begin(), parts.end(),
            [](const FilePart& a, const FilePart& b) { return a.offset < b.offset; });
  for (std::size_t k = 0; k < parts.size();) {
    const std::uint64_t begin = parts[k].offset;
    std::uint64_t end = begin + parts[k].size;
    for (++k; k < parts.size() && parts[k].offset <= end + kClose; ++k)
      end = std::max(end, parts[k].offset + parts[k].size);
    will_need(begin, end - begin);
  }
}

void RandomFile::damaged(std::uint64_t offset, const std::string& why) const {
  throw Error(ErrorKind::kInput, path_ + " is damaged at byte " + std::to_string(offset) + ": " + why);
}

}  // namespace facetrain
