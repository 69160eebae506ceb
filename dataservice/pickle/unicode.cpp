#include "dataservice/pickle/unicode.hpp"

#include <charconv>
#include <cstdint>

namespace facetrain {
namespace {

bool number_at(std::string_view text, std::size_t at, std::size_t digits, int base, std::uint32_t& number) {
  if (at + digits > text.size()) return false;
  const char* first = text.data() + at;
  const auto [end, error] = std::from_chars(first, first + digits, number, base);
  return error == std::errc{} && end == first + digits;
}

void append_utf8(std::uint32_t point, std::string& out) {
  const auto byte = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | point >> 6), byte(0x80 | (point & 63));
  } else if (point < 0x10000) {
    byte(0xE0 | point >> 12), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63));
  } else {
    byte(0xF0 | point >> 18), byte(0x80 | (point >> 12 & 63)), byte(0x80 | (point >> 6 & 63)),
        byte(0x80 | (point & 63));
  }
}

}  // namespace

bool unescape_repr(std::string_view text, std::string& bytes) {
  constexpr std::string_view kLetters = "nrt\\'\"abfv0", kMeaning = "\n\r\t\\'\"\a\b\f\v";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    if (++i == text.size()) return false;
    std::uint32_t number = 0;
    if (text[i] == 'x') {
      if (!number_at(text, i + 1, 2, 16, number)) return false;
      bytes += static_cast<char>(number);
      i += 2;
    } else if (text[i] >= '0' && text[i] <= '7') {
      std::size_t digits = 1;
      while (digits < 3 && i + digits < text.size() && text[i + digits] >= '0' && text[i + digits] <= '7')
        ++digits;
      if (!number_at(text, i, digits, 8, number)) return false;
      bytes += static_cast<char>(number);
      i += digits - 1;
    } else {
      const std::size_t which = kLetters.find(text[i]);
      if (which >= kMeaning.size()) return false;
      bytes += kMeaning[which];
    }
  }
  return true;
}

bool raw_unicode_to_utf8(std::string_view text, std::string& utf8) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char kind = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (kind != 'u' && kind != 'U') {
      append_utf8(static_cast<unsigned char>(text[i]), utf8);
      continue;
    }
    const std::size_t digits = kind == 'u' ? 4 : 8;
    std::uint32_t point = 0;
    if (!number_at(text, i + 2, digits, 16, point) || point > 0x10FFFF) return false;
    append_utf8(point, utf8);
    i += 1 + digits;
  }
  return true;
}

bool utf8_to_latin1(std::string_view utf8, std::string& bytes) {
  bytes.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead < 0x80) {
      bytes += utf8[i];
      continue;
    }
    // Code points 128-255 are two bytes that begin with C2 or C3.
    if ((lead != 0xC2 && lead != 0xC3) || i + 1 == utf8.size()) return false;
    const auto next = static_cast<unsigned char>(utf8[++i]);
    if ((next & 0xC0) != 0x80) return false;
    bytes += static_cast<char>((lead & 3) << 6 | (next & 63));
  }
  return true;
}

}  // namespace facetrain
