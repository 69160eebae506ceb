// Millions of texts of which most begin as the one before (paths, keys), in the order they came. Each is kept
// as the length of what it shares with the one before and the rest (front coding; Witten, Moffat, Bell:
// Managing Gigabytes, section 4.1); every 16th in full, so that any one is found by decoding at most 16. A
// path in a grouped list of faces takes about 12 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

class TextStore {
 public:
  static constexpr std::size_t kLongest = 65535;  // bytes of a text

  // Throws Error(kInternal) for a longer one.
  void add(std::string_view text);

  std::uint64_t size() const { return size_; }  // texts
  // Text i in `buffer`, which needs room for kLongest bytes.
  std::string_view get(std::uint64_t i, std::span<char> buffer) const;
  std::string get(std::uint64_t i) const;

  std::uint64_t memory() const;  // bytes it holds

 private:
  struct Place {
    std::uint32_t piece = 0, offset = 0;
  };

  // Of each text: shared, rest (7 bits a byte, low first), the rest. In pieces, for one vector would be
  // copied as it grows, and hold twice the memory then.
  std::vector<std::vector<char>> pieces_;
  std::vector<Place> blocks_;  // where each 16th text begins; a block is in one piece
  std::string last_;
  std::uint64_t size_ = 0;
};

}  // namespace facetrain
