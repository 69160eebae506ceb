#include "dataservice/source/msgpack.hpp"

#include <limits>

#include "common/error.hpp"

namespace facetrain {
namespace {

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

}  // namespace

void MsgpackReader::fail(const std::string& why) const {
  throw Error(ErrorKind::kInput,
              std::string(where_) + ": byte " + std::to_string(at_) + " of the value: " + why);
}

void MsgpackReader::skip(std::size_t n) {
  if (n > bytes_.size() - at_) fail("it ends too early");
  at_ += n;
}

std::uint64_t MsgpackReader::big_endian(std::size_t n) {
  skip(n);
  std::uint64_t value = 0;
  for (std::size_t i = at_ - n; i < at_; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes_[i]);
  return value;
}

std::uint32_t MsgpackReader::array() {
  const std::uint64_t type = big_endian(1);
  if ((type & 0xf0) == 0x90) return static_cast<std::uint32_t>(type & 0x0f);
  if (type == 0xdc) return static_cast<std::uint32_t>(big_endian(2));
  if (type == 0xdd) return static_cast<std::uint32_t>(big_endian(4));
  fail("expected an array");
}

std::uint32_t MsgpackReader::raw_size() {
  const std::uint64_t type = big_endian(1);
  if ((type & 0xe0) == 0xa0) return static_cast<std::uint32_t>(type & 0x1f);
  if (type == 0xc4 || type == 0xd9) return static_cast<std::uint32_t>(big_endian(1));
  if (type == 0xc5 || type == 0xda) return static_cast<std::uint32_t>(big_endian(2));
  if (type == 0xc6 || type == 0xdb) return static_cast<std::uint32_t>(big_endian(4));
  fail("expected bytes");
}

std::string_view MsgpackReader::raw() {
  const std::uint32_t size = raw_size();
  skip(size);
  return {reinterpret_cast<const char*>(bytes_.data()) + at_ - size, size};
}

std::int64_t MsgpackReader::integer() {
  const std::uint64_t type = big_endian(1);
  if (type < 0x80) return static_cast<std::int64_t>(type);
  if (type >= 0xe0) return static_cast<std::int64_t>(type) - 256;
  if (type >= 0xcc && type <= 0xcf) {
    const std::uint64_t value = big_endian(std::size_t{1} << (type - 0xcc));
    if (value > std::numeric_limits<std::int64_t>::max()) fail("this number is too large");
    return static_cast<std::int64_t>(value);
  }
  if (type == 0xd0) return static_cast<std::int8_t>(big_endian(1));
  if (type == 0xd1) return static_cast<std::int16_t>(big_endian(2));
  if (type == 0xd2) return static_cast<std::int32_t>(big_endian(4));
  if (type == 0xd3) return static_cast<std::int64_t>(big_endian(8));
  fail("expected a whole number");
}

void MsgpackReader::end() const {
  if (at_ != bytes_.size()) fail("more follows than expected");
}

void msgpack_array(std::string& out, std::uint32_t elements) {
  if (elements < 16) {
    out += static_cast<char>(0x90 | elements);
  } else {
    const int bytes = elements <= 0xffff ? 2 : 4;
    out += static_cast<char>(bytes == 2 ? 0xdc : 0xdd);
    append_big_endian(out, elements, bytes);
  }
}

void msgpack_raw(std::string& out, std::string_view bytes) {
  const int power = bytes.size() <= 0xff ? 0 : bytes.size() <= 0xffff ? 1 : 2;
  out += static_cast<char>(0xc4 + power);
  append_big_endian(out, bytes.size(), 1 << power);
  out += bytes;
}

void msgpack_integer(std::string& out, std::uint64_t value) {
  if (value < 0x80) {
    out += static_cast<char>(value);
    return;
  }
  const int power = value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
  out += static_cast<char>(0xcc + power);
  append_big_endian(out, value, 1 << power);
}

}  // namespace facetrain
