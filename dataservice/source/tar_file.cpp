#include "dataservice/source/tar_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <vector>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kName = 100;
constexpr std::size_t kChecksum = 148;                          // and 8 bytes long
constexpr std::uint64_t kLongestNote = std::uint64_t{1} << 20;  // bytes of a long name or a pax header

using Header = std::array<std::byte, kBlock>;

// A field up to its NUL.
std::string_view field(const Header& header, std::size_t at, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(header.data()) + at, size);
  return all.substr(0, all.find('\0'));
}

// The sum of the header's bytes, its own field taken as spaces. Old tars summed signed bytes.
bool checksum_fits(const Header& header, std::uint64_t stored) {
  std::uint32_t sum = 0, negative = 0;  // all bytes first: a loop of vector instructions
  for (const std::byte byte : header) {
    sum += static_cast<std::uint32_t>(byte);
    negative += static_cast<std::uint32_t>(byte) >> 7;
  }
  for (std::size_t i = kChecksum; i < kChecksum + 8; ++i) {
    sum += ' ' - static_cast<std::uint32_t>(header[i]);
    negative -= static_cast<std::uint32_t>(header[i]) >> 7;
  }
  return stored == sum ||
         static_cast<std::int64_t>(stored) == std::int64_t{sum} - 256 * std::int64_t{negative};
}

// Octal text between spaces, or GNU's big-endian number behind a first byte 0x80.
bool number(const Header& header, std::size_t at, std::size_t size, std::uint64_t& value) {
  value = 0;
  if (header[at] == std::byte{0x80}) {
    for (std::size_t i = at + 1; i < at + size; ++i) {
      if (value >> 55 != 0) return false;
      value = value << 8 | static_cast<std::uint8_t>(header[i]);
    }
    return true;
  }
  std::string_view text = field(header, at, size);
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  return error == std::errc{} && end == text.data() + text.size();
}

void take_name(const Header& header, std::string& name) {
  const bool posix =
      field(header, 257, 6) == "ustar";  // GNU's magic is "ustar  ", and it keeps other things in the prefix
  name = posix ? field(header, 345, 155) : "";
  if (!name.empty()) name += '/';
  name += field(header, 0, kName);
}

// What a pax header says of the next member.
struct PaxNote {
  std::string path;
  std::uint64_t size = 0;
  bool has_size = false;
};

// Records "LENGTH KEY=VALUE\n", LENGTH counting all of it.
bool read_pax(std::string_view text, PaxNote& note) {
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
    if (key == "path") note.path = value;
    if (key == "size") {
      const auto [last, wrong] = std::from_chars(value.data(), value.data() + value.size(), note.size);
      if (wrong != std::errc{} || last != value.data() + value.size()) return false;
      note.has_size = true;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

void for_each_member(const RandomFile& tar, const std::function<void(const TarMember&)>& visit) {
  PaxNote note;
  Header header;
  TarMember member;  // one for all: a name in it takes memory once
  for (std::uint64_t at = 0; at < tar.size();) {
    tar.read(at, header);
    if (std::all_of(header.begin(), header.end(), [](std::byte b) { return b == std::byte{0}; })) return;
    std::uint64_t checksum = 0, size = 0;
    if (!number(header, kChecksum, 8, checksum) || !checksum_fits(header, checksum))
      tar.damaged(at, at == 0 ? "it does not begin as a tar file (packed tars are not read)"
                              : "wrong checksum of a tar header");
    if (!number(header, 124, 12, size)) tar.damaged(at, "a tar header without a size");
    const char kind = static_cast<char>(header[156]);
    const bool regular = kind == '0' || kind == '\0' || kind == '7';
    if (regular && note.has_size) size = note.size;
    const std::uint64_t start = at + kBlock;
    if (size > tar.size() - start) tar.damaged(tar.size(), "it is cut off here; copy or download it again");
    if (kind == 'L' || kind == 'x') {
      if (size > kLongestNote) tar.damaged(at, "a name of more than 1 MiB");
      std::string text(static_cast<std::size_t>(size), '\0');
      tar.read(start, std::as_writable_bytes(std::span(text)));
      if (kind == 'L')
        note.path = text.substr(0, text.find('\0'));
      else if (!read_pax(text, note))
        tar.damaged(at, "a pax header that cannot be read");
    } else {
      if (regular) {
        if (note.path.empty())
          take_name(header, member.name);
        else
          member.name = note.path;
        member.offset = start;
        member.size = size;
        visit(member);
      }
      if (kind != 'g' && kind != 'K')
        note = {};  // headers for all members, and of links, say nothing of the next file
    }
    at = start + (size + kBlock - 1) / kBlock * kBlock;
    // Behind a picture, a sample's label and the next picture's header: one wait for memory, not three.
    if (size > kBlock) tar.prefetch(at, 3 * kBlock);
  }
}

std::string member_name_at(const RandomFile& tar, std::uint64_t offset) {
  Header header;
  if (offset < kBlock || offset > tar.size()) return "";
  tar.read(offset - kBlock, header);
  std::string name;
  take_name(header, name);
  return name;
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
