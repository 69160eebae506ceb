// The part of MessagePack that data sets hold: integers, byte strings and arrays.
// https://github.com/msgpack/msgpack/blob/master/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace facetrain {

// Reads one value after the other. Every method throws Error(kInput) naming `where` when the next value is of
// another kind or the bytes end.
class MsgpackReader {
 public:
  MsgpackReader(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  std::size_t at() const { return at_; }  // bytes read so far
  std::uint32_t array();                  // its number of elements; they follow
  std::uint32_t raw_size();  // of a byte string or text (Python 2 wrote bytes as text); its bytes follow
  std::string_view raw();    // the same with its bytes
  std::int64_t integer();
  void skip(std::size_t n);
  void end() const;  // throws when something follows

 private:
  std::uint64_t big_endian(std::size_t n);
  [[noreturn]] void fail(const std::string& why) const;

  std::span<const std::byte> bytes_;
  std::string_view where_;
  std::size_t at_ = 0;
};

// Appends a value to `out`, in the shortest form (as Python's msgpack does).
void msgpack_array(std::string& out, std::uint32_t elements);
void msgpack_raw(std::string& out, std::string_view bytes);  // bin
void msgpack_integer(std::string& out, std::uint64_t value);

}  // namespace facetrain
