#include "dataservice/source/tar_file.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kBlock = TarReader::kBlock;
constexpr std::size_t kName = 100;
constexpr std::size_t kPrefix = 345;                            // and 155 bytes long
constexpr std::size_t kChecksum = 148;                          // and 8 bytes long
constexpr std::uint64_t kLongestNote = std::uint64_t{1} << 20;  // bytes of a long name or a pax header

using Header = TarReader::Header;

// A field up to its NUL.
std::string_view field(const Header& header, std::size_t at, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(header.data()) + at, size);
  return all.substr(0, all.find('\0'));
}

// Of all bytes of the header, four sums at once in the parts of a word.
std::uint32_t sum_of_bytes(const Header& header) {
  constexpr std::uint64_t kEven = 0x00ff00ff00ff00ff;
  std::uint64_t sums = 0;  // each at most 64 * 2 * 255
  for (std::size_t i = 0; i < kBlock; i += sizeof sums) {
    std::uint64_t word = 0;
    std::memcpy(&word, header.data() + i, sizeof word);
    sums += (word & kEven) + (word >> 8 & kEven);
  }
  sums = (sums & 0x0000ffff0000ffff) + (sums >> 16 & 0x0000ffff0000ffff);
  return static_cast<std::uint32_t>(sums) + static_cast<std::uint32_t>(sums >> 32);
}

// The sum of the header's bytes, its own field taken as spaces. Old tars summed signed bytes.
bool checksum_fits(const Header& header, std::uint64_t stored) {
  std::uint32_t sum = sum_of_bytes(header);
  for (std::size_t i = kChecksum; i < kChecksum + 8; ++i) sum += ' ' - static_cast<std::uint32_t>(header[i]);
  if (stored == sum) return true;
  std::int64_t negative = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    negative += (i < kChecksum || i >= kChecksum + 8) && header[i] >= std::byte{0x80} ? 1 : 0;
  return static_cast<std::int64_t>(stored) == std::int64_t{sum} - 256 * negative;
}

// Octal text between spaces and up to a NUL, or GNU's big-endian number behind a first byte 0x80. `size`: at
// most 12.
bool number(const Header& header, std::size_t at, std::size_t size, std::uint64_t& value) {
  value = 0;
  const std::size_t end = at + size;
  if (header[at] == std::byte{0x80}) {
    for (std::size_t i = at + 1; i < end; ++i) {
      if (value >> 55 != 0) return false;
      value = value << 8 | static_cast<std::uint8_t>(header[i]);
    }
    return true;
  }
  const auto is_space = [&](std::size_t i) { return header[i] == std::byte{' '}; };
  while (at < end && is_space(at)) ++at;
  const std::size_t first = at;
  for (; at < end && header[at] >= std::byte{'0'} && header[at] <= std::byte{'7'}; ++at)
    value = value << 3 | (static_cast<std::uint8_t>(header[at]) - std::uint8_t{'0'});
  const bool has_digits = at > first;
  while (at < end && is_space(at)) ++at;
  return has_digits && (at == end || header[at] == std::byte{0});
}

// The name is in the header where there is no prefix, else in `joined`.
std::string_view name_in(const Header& header, std::string& joined) {
  const std::string_view name = field(header, 0, kName);
  const bool posix =
      field(header, 257, 6) == "ustar";  // GNU's magic is "ustar  ", and it keeps other things in the prefix
  if (!posix || header[kPrefix] == std::byte{0}) return name;
  joined = field(header, kPrefix, 155);
  joined += '/';
  return joined += name;
}

}  // namespace

// Records "LENGTH KEY=VALUE\n", LENGTH counting all of it.
bool TarReader::Note::read_pax(std::string_view text) {
  while (!text.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto start = static_cast<std::size_t>(end - text.data()) + 1;
    if (error != std::errc{} || length > text.size() || length < start + 2 || text[start - 1] != ' ' ||
        text[length - 1] != '\n')
      return false;
    const std::string_view record = text.substr(start, length - 1 - start);
    const std::size_t equals = record.find('=');
    if (equals == record.npos) return false;
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path") path = value;
    if (key == "size") {
      const auto number = parse_number<std::uint64_t>(value);
      if (!number) return false;
      size = *number;
      has_size = true;
    }
    text.remove_prefix(length);
  }
  return true;
}

void TarReader::take_note(char kind, std::uint64_t header_at, std::uint64_t size) {
  if (size > kLongestNote) tar_->damaged(header_at, "a name of more than 1 MiB");
  text_.resize(static_cast<std::size_t>(size));
  tar_->read(header_at + kBlock, std::as_writable_bytes(std::span(text_)));
  if (kind == 'L')
    note_.path.assign(text_, 0, text_.find('\0'));
  else if (!note_.read_pax(text_))
    tar_->damaged(header_at, "a pax header that cannot be read");
}

// Has the header at at_ fetched, and what mostly stands behind it: a block of a few bytes, which is a label
// or a note, and another header. Those are fetched no second time when their turn comes.
void TarReader::fetch() {
  if (at_ + kBlock <= fetched_) return;
  tar_->prefetch(at_, kBlock);
  tar_->prefetch(at_ + kBlock, 1);
  tar_->prefetch(at_ + 2 * kBlock, kBlock);
  fetched_ = at_ + 3 * kBlock;
}

bool TarReader::next(TarMember& member) {
  while (at_ < tar_->size()) {
    const std::uint64_t at = at_, start = at + kBlock;
    tar_->read(at, header_);
    if (std::all_of(header_.begin(), header_.end(), [](std::byte b) { return b == std::byte{0}; })) break;
    std::uint64_t checksum = 0, size = 0;
    if (!number(header_, kChecksum, 8, checksum) || !checksum_fits(header_, checksum))
      tar_->damaged(at, at == 0 ? "it does not begin as a tar file (packed tars are not read)"
                                : "wrong checksum of a tar header");
    if (!number(header_, 124, 12, size)) tar_->damaged(at, "a tar header without a size");
    const char kind = static_cast<char>(header_[156]);
    const bool regular = kind == '0' || kind == '\0' || kind == '7';
    if (regular && note_.has_size) size = note_.size;
    if (size > tar_->size() - start)
      tar_->damaged(tar_->size(), "it is cut off here; copy or download it again");
    at_ = start + (size + kBlock - 1) / kBlock * kBlock;
    fetch();
    if (kind == 'L' || kind == 'x') {
      take_note(kind, at, size);
      continue;
    }
    if (regular && note_.path.empty()) {
      member = {name_in(header_, name_), start, size};
    } else if (regular) {
      name_.swap(note_.path);
      member = {name_, start, size};
    }
    // Headers for all members, and of links, say nothing of the next file.
    if (kind != 'g' && kind != 'K') {
      note_.path.clear();
      note_.has_size = false;
    }
    if (regular) return true;
  }
  at_ = tar_->size();
  return false;
}

std::string member_name_at(const RandomFile& tar, std::uint64_t offset) {
  Header header;
  if (offset < kBlock || offset > tar.size()) return "";
  tar.read(offset - kBlock, header);
  std::string joined;
  return std::string(name_in(header, joined));
}

std::string tar_header(std::string_view name, std::uint64_t size) {
  std::string header(kBlock, '\0');
  if (name.size() > kName || size >= std::uint64_t{1} << 33)
    throw Error(ErrorKind::kInternal, "tar_header: name or file too long: " + std::string(name));
  const auto put = [&](std::size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
  };
  const auto octal = [&](std::size_t at, int digits, std::uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
    put(at, text);
  };
  put(0, name);
  octal(100, 7, 0444);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, 0);
  put(kChecksum, "        ");
  header[156] = '0';
  put(257, std::string_view("ustar\00000", 8));
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  octal(kChecksum, 6, sum);
  header[kChecksum + 6] = '\0';
  return header;
}

std::string_view tar_end() {
  static constexpr char kZeros[2 * kBlock] = {};
  return {kZeros, sizeof kZeros};
}

std::string_view tar_padding(std::uint64_t size) {
  return tar_end().substr(0, static_cast<std::size_t>((kBlock - size % kBlock) % kBlock));
}

}  // namespace facetrain
