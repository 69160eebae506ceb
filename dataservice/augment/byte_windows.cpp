#include "dataservice/augment/byte_windows.hpp"

#include <algorithm>

namespace facetrain {

ByteWindows make_byte_windows(std::span<const std::int32_t> first, int width, int taps,
                              ByteWindows::Lane lane) {
  constexpr int load = 16, nothing = 0x80;  // a shuffle's index that gives zero
  const bool two = lane == ByteWindows::Lane::kTwoTaps;
  ByteWindows windows;
  windows.loads = two ? taps / 2 : taps;
  const int furthest = 3 * (two ? 2 : 1) * (windows.loads - 1);  // from the first load to the last, in bytes
  const int last_start = 3 * width - load - furthest;
  if (last_start < 0 || width < taps) return windows;

  const int values = 3 * static_cast<int>(first.size());
  const std::size_t chunks = (static_cast<std::size_t>(values) + 7) / 8;
  windows.start.reserve(2 * chunks);
  windows.shuffle.reserve(chunks);
  for (int value = 0; value < values; value += 8) {
    auto& shuffle = windows.shuffle.emplace_back();
    shuffle.fill(nothing);
    for (int half = 0; half < 2; ++half) {
      const auto byte_of = [&](int i) {  // past the row's end: its last value again
        const int v = std::min(value + 4 * half + i, values - 1);
        return 3 * first[static_cast<std::size_t>(v / 3)] + v % 3;
      };
      // Values come in the order of their pixels, but a pixel's own first one may be another half's.
      const int lowest = std::min({byte_of(0), byte_of(1), byte_of(2), byte_of(3)});
      const int start = std::min(lowest, last_start);
      windows.start.push_back(start);
      for (int i = 0; i < 4; ++i) {
        const int index = byte_of(i) - start, next = index + 3;
        if ((two ? next : index) >= load) return ByteWindows{};
        std::uint8_t* to = &shuffle[16 * static_cast<std::size_t>(half) + 4 * static_cast<std::size_t>(i)];
        to[0] = static_cast<std::uint8_t>(index);
        if (two) to[2] = static_cast<std::uint8_t>(next);
      }
    }
  }
  windows.fit = true;
  windows.stride = first.size() + 4;
  windows.weights.assign(static_cast<std::size_t>(windows.loads) * windows.stride, 0);
  return windows;
}

}  // namespace facetrain
