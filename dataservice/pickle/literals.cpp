// The opcodes that carry a value with them: strings and numbers.
#include <bit>

#include "common/number.hpp"
#include "dataservice/pickle/machine.hpp"
#include "dataservice/pickle/unicode.hpp"

namespace facetrain {

void PickleMachine::push_escaped(std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != quoted.back() || (quoted[0] != '\'' && quoted[0] != '"'))
    fail("damaged string");
  std::string bytes;
  if (!unescape_repr(quoted.substr(1, quoted.size() - 2), bytes)) fail("damaged string");
  push_bytes(own(std::move(bytes)));
}

void PickleMachine::push_raw_unicode(std::string_view escaped) {
  std::string text;
  if (!raw_unicode_to_utf8(escaped, text)) fail("damaged text");
  push_string(Kind::kText, own(std::move(text)));
}

std::int64_t PickleMachine::decimal(std::string_view digits) const {
  if (digits.ends_with('L')) digits.remove_suffix(1);
  const auto n = parse_number<std::int64_t>(digits);
  if (!n) fail("damaged number");
  return *n;
}

std::int64_t PickleMachine::long_integer(std::string_view bytes) const {
  if (bytes.size() > 8) fail("a number of more than 64 bits");
  std::uint64_t n = !bytes.empty() && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;  // sign extension
  for (std::size_t i = bytes.size(); i-- > 0;) n = n << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int64_t>(n);
}

bool PickleMachine::step_strings(unsigned char opcode) {
  switch (opcode) {
    case 'S':
      push_escaped(line());
      return true;
    case 'V':
      push_raw_unicode(line());
      return true;
    case 'U':
    case 'C':
      push_bytes(take(number(1)));
      return true;  // SHORT_BINSTRING, SHORT_BINBYTES
    case 'T':
    case 'B':
      push_bytes(take(number(4)));
      return true;  // BINSTRING, BINBYTES
    case 0x8e:
    case 0x96:
      push_bytes(take(number(8)));
      return true;  // BINBYTES8, BYTEARRAY8
    case 0x8c:
      push_string(Kind::kText, take(number(1)));
      return true;
    case 'X':
      push_string(Kind::kText, take(number(4)));
      return true;
    case 0x8d:
      push_string(Kind::kText, take(number(8)));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_numbers(unsigned char opcode) {
  Value v;
  v.kind = Kind::kInt;
  switch (opcode) {
    case 'N':
      v.kind = Kind::kNone;
      break;
    case 0x88:
    case 0x89:
      v.kind = Kind::kBool;
      v.number = opcode == 0x88;
      break;
    case 'I': {
      const std::string_view text = line();
      if (text == "00" || text == "01") v.kind = Kind::kBool;  // protocol 0's True and False
      v.number = decimal(text);
      break;
    }
    case 'L':
      v.number = decimal(line());
      break;
    case 'K':
      v.number = static_cast<std::int64_t>(number(1));
      break;
    case 'M':
      v.number = static_cast<std::int64_t>(number(2));
      break;
    case 'J':
      v.number = static_cast<std::int32_t>(number(4));
      break;
    case 0x8a:
      v.number = long_integer(take(number(1)));
      break;
    case 0x8b:
      v.number = long_integer(take(number(4)));
      break;
    case 'F': {
      const std::string_view text = line();
      v.kind = Kind::kFloat;
      const auto real = parse_number<double>(text);
      if (!real) fail("damaged number");
      v.real = *real;
      break;
    }
    case 'G': {
      v.kind = Kind::kFloat;
      v.real = std::bit_cast<double>(__builtin_bswap64(number(8)));  // the one big-endian field
      break;
    }
    default:
      return false;
  }
  push(std::move(v));
  return true;
}

}  // namespace facetrain
