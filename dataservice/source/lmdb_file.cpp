#include "dataservice/source/lmdb_file.hpp"

#include <algorithm>
#include <filesystem>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::uint32_t kLmdbMagic = 0xBEEFC0DE;
constexpr std::uint32_t kLmdbVersion = 1;
constexpr std::size_t kPageHeader = 16;
constexpr std::size_t kNodeHeader = 8;
constexpr std::size_t kMeta = 136;  // bytes of struct MDB_meta
constexpr std::uint16_t kBranch = 0x01, kLeaf = 0x02, kOverflow = 0x04,
                        kKind = 0x6f;  // P_KEEP and P_LOOSE aside
constexpr std::uint16_t kBigData = 0x01;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
constexpr unsigned kDeepestPage = 32;  // CURSOR_STACK

}  // namespace

std::string lmdb_data_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? (std::filesystem::path(path) / "data.mdb").string()
                                                    : path;
}

// Two pages describe the tree in turn; the one of the newer transaction holds.
LmdbFile::LmdbFile(const std::string& path) : file_(lmdb_data_file(path)) {
  const bool first = take_meta(0);
  bool second = false;
  if (first) {
    second = take_meta(page_size_);
  } else {
    for (std::uint64_t size = 512; size <= 65536 && !second; size *= 2) second = take_meta(size);
  }
  if (!first && !second)
    throw Error(ErrorKind::kInput,
                file_.path() + " is not an LMDB file of version 1 (liblmdb 0.9), or its start is damaged");
}

// Takes over the description at `offset` when it is valid and newer than what is known.
bool LmdbFile::take_meta(std::uint64_t offset) {
  std::byte bytes[kPageHeader + kMeta];
  if (offset + sizeof bytes > file_.size()) return false;
  file_.read(offset, bytes);
  const std::span<const std::byte> meta = std::span(bytes).subspan(kPageHeader);
  const auto size = little_endian<std::uint32_t>(meta, 24);
  if (little_endian<std::uint32_t>(meta, 0) != kLmdbMagic ||
      little_endian<std::uint32_t>(meta, 4) != kLmdbVersion || size < 512 || size > 65536 ||
      (size & (size - 1)) != 0 || (offset != 0 && offset != size))
    return false;
  const auto transaction = little_endian<std::uint64_t>(meta, 128);
  if (page_size_ != 0 && transaction < transaction_) return true;
  page_size_ = size;
  transaction_ = transaction;
  depth_ = little_endian<std::uint16_t>(meta, 78);  // of the second of two MDB_db, the main database
  records_ = little_endian<std::uint64_t>(meta, 104);
  root_ = little_endian<std::uint64_t>(meta, 112);
  last_page_ = little_endian<std::uint64_t>(meta, 120);
  return true;
}

void LmdbFile::for_each(const std::function<void(std::string_view, const Value&)>& visit) const {
  std::uint64_t pages = 0, records = 0;
  if (root_ != kNoPage) walk(root_, 1, pages, records, visit);
  if (records != records_)
    throw Error(ErrorKind::kInput, file_.path() + " is damaged: it holds " + std::to_string(records) +
                                       " records and promises " + std::to_string(records_));
}

void LmdbFile::walk(std::uint64_t number, unsigned depth, std::uint64_t& pages, std::uint64_t& records,
                    const std::function<void(std::string_view, const Value&)>& visit) const {
  if (number > file_.size() / page_size_)
    file_.damaged(file_.size(), "it is cut off here; copy or download it again");
  const std::uint64_t start = number * page_size_;
  std::vector<std::byte> page(page_size_);
  file_.read(start, page);
  // A tree visits no page twice; one that does would go round for ever.
  if (depth > depth_ || depth > kDeepestPage || ++pages > last_page_ + 1)
    file_.damaged(start, "its tree has no end");
  const auto kind = static_cast<std::uint16_t>(little_endian<std::uint16_t>(page, 10) & kKind);
  if (little_endian<std::uint64_t>(page, 0) != number || kind != (depth == depth_ ? kLeaf : kBranch))
    file_.damaged(start, "this is not the page of the tree that belongs here");
  const std::size_t lower = little_endian<std::uint16_t>(page, 12);
  if (lower < kPageHeader || lower > page_size_) file_.damaged(start, "impossible number of records");
  for (std::size_t pointer = kPageHeader; pointer + 2 <= lower; pointer += 2) {
    const std::size_t node = little_endian<std::uint16_t>(page, pointer);
    if (node < lower || node + kNodeHeader > page_size_)
      file_.damaged(start + pointer, "a record outside its page");
    const std::uint32_t low = little_endian<std::uint32_t>(page, node);
    const auto flags = little_endian<std::uint16_t>(page, node + 4);
    const std::size_t key = little_endian<std::uint16_t>(page, node + 6);
    const std::size_t data = node + kNodeHeader + key;
    if (data > page_size_) file_.damaged(start + node, "a key longer than its page");
    if (kind == kBranch) {
      walk(low | static_cast<std::uint64_t>(flags) << 32, depth + 1, pages, records, visit);
    } else {
      if ((flags & ~kBigData) != 0)
        file_.damaged(start + node, "a record of a kind that data sets do not have");
      const std::string_view name(reinterpret_cast<const char*>(page.data()) + node + kNodeHeader, key);
      visit(name, value_of(std::span(page).subspan(data), start + data, low, (flags & kBigData) != 0));
      ++records;
    }
  }
}

LmdbFile::Value LmdbFile::value_of(std::span<const std::byte> node_data, std::uint64_t offset,
                                   std::uint32_t size, bool big) const {
  if (!big) {
    if (size > node_data.size()) file_.damaged(offset, "a value longer than its page");
    return {offset, size};
  }
  if (node_data.size() < 8) file_.damaged(offset, "a record outside its page");
  const auto page = little_endian<std::uint64_t>(node_data, 0);
  if (page > file_.size() / page_size_ || page * page_size_ + kPageHeader + size > file_.size())
    file_.damaged(file_.size(), "it is cut off here; copy or download it again");
  return {page * page_size_ + kPageHeader, size};
}

void LmdbFile::read_part(const Value& value, std::uint32_t at, std::span<std::byte> bytes) const {
  if (at > value.size || bytes.size() > value.size - at)
    file_.damaged(value.offset, "a value shorter than it says");
  file_.read(value.offset + at, bytes);
}

void LmdbFile::read(const Value& value, std::vector<std::byte>& buffer, std::size_t most) const {
  buffer.resize(std::min<std::size_t>(value.size, most));
  file_.expect(value.offset, buffer.size());
  file_.read(value.offset, buffer);
  // No value inside a page begins right behind the header, so this one has pages of its own, and their header
  // in front.
  if (value.offset % page_size_ == kPageHeader) {
    std::byte header[kPageHeader];
    file_.read(value.offset - kPageHeader, header);
    const std::uint64_t pages = little_endian<std::uint32_t>(header, 12);
    if (little_endian<std::uint64_t>(header, 0) != value.offset / page_size_ ||
        (little_endian<std::uint16_t>(header, 10) & kKind) != kOverflow ||
        pages * page_size_ < kPageHeader + value.size)
      file_.damaged(value.offset - kPageHeader, "this is not the page of the value that belongs here");
  }
}

void LmdbFile::will_need(const std::vector<Value>& values) const {
  std::vector<FilePart> parts;
  parts.reserve(values.size());
  for (const Value& value : values) parts.push_back({value.offset, value.size});
  file_.will_need(std::move(parts));
}

}  // namespace facetrain
