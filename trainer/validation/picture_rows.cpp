#include "trainer/validation/picture_rows.hpp"

#include <algorithm>

namespace facetrain {

std::array<float, 256> normalised_bytes(const PictureFormat& format) {
  std::array<float, 256> table;
  for (std::size_t b = 0; b < table.size(); ++b)
    table[b] = static_cast<float>((static_cast<double>(b) / 255.0 - format.mean) / format.std_deviation);
  return table;
}

void normalise_pictures(std::span<const std::byte> rows, std::size_t width, bool flip,
                        const std::array<float, 256>& table, std::span<float> out) {
  for (std::size_t start = 0; start + width <= rows.size(); start += width)
    for (std::size_t x = 0; x < width; ++x)
      out[start + x] = table[std::to_integer<std::size_t>(rows[start + (flip ? width - 1 - x : x)])];
}

void swap_red_and_blue(std::span<float> pictures, std::size_t plane) {
  for (auto rest = pictures; rest.size() >= 3 * plane; rest = rest.subspan(3 * plane))
    std::swap_ranges(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(plane),
                     rest.begin() + static_cast<std::ptrdiff_t>(2 * plane));
}

}  // namespace facetrain
