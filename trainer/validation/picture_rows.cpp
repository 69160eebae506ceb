#include "trainer/validation/picture_rows.hpp"

namespace facetrain {

std::array<float, 256> normalised_bytes() {
  std::array<float, 256> table;
  for (std::size_t b = 0; b < table.size(); ++b)
    table[b] = static_cast<float>((static_cast<double>(b) / 255.0 - 0.5) / 0.5);
  return table;
}

void normalise_pictures(std::span<const std::byte> rows, std::size_t width, bool flip,
                        const std::array<float, 256>& table, std::span<float> out) {
  for (std::size_t start = 0; start + width <= rows.size(); start += width)
    for (std::size_t x = 0; x < width; ++x)
      out[start + x] = table[std::to_integer<std::size_t>(rows[start + (flip ? width - 1 - x : x)])];
}

}  // namespace facetrain
