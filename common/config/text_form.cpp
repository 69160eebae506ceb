#include "common/config/text_form.hpp"

#include <array>
#include <charconv>

namespace facetrain {

std::string number_text(double value) {
  std::array<char, 64> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general).ptr;
  return {buffer.data(), end};
}

std::string real_text(double value) {
  std::string text = number_text(value);
  if (text.find_first_of(".en") == text.npos) text += ".0";
  return text;
}

std::string quoted_text(std::string_view value) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      text += "\\u00";
      text += hex[byte >> 4];
      text += hex[byte & 15];
    } else {
      text += c;
    }
  }
  return text + "\"";
}

}  // namespace facetrain
