// The deterministic embeddings that tests/golden/record_verification.py gave to the reference, made again.
#pragma once

#include <cstdint>
#include <vector>

namespace facetrain::golden {

inline constexpr std::size_t kLength = 512;

// Integers in [-32768, 32767]: the top 16 bits of splitmix64's output.
inline std::vector<std::int64_t> noise(std::uint64_t stream, std::size_t count) {
  std::vector<std::int64_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t z = ((stream << 40) + i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    values[i] = static_cast<std::int64_t>(z >> 48) - 32768;
  }
  return values;
}

struct Pairs {
  std::vector<float> original, flip;  // 2 pairs x 512
  std::vector<std::uint8_t> same;
};

inline Pairs pairs_of(std::uint64_t seed, std::size_t pairs) {
  const auto sign = noise(seed, pairs), draw = noise(seed + 1, pairs);
  const auto first = noise(seed + 2, pairs * kLength), second = noise(seed + 3, pairs * kLength);
  const auto other = noise(seed + 4, 2 * pairs * kLength);
  Pairs made;
  for (std::size_t p = 0; p < pairs; ++p) {
    made.same.push_back(sign[p] >= 0);
    const std::int64_t share = (made.same[p] ? 5 : 0) + (draw[p] & 7);
    for (int member = 0; member < 2; ++member)
      for (std::size_t i = 0; i < kLength; ++i) {
        const auto at = p * kLength + i;
        const auto value = member ? first[at] * share + second[at] * (16 - share) : first[at] * 16;
        made.flip.push_back(static_cast<float>(value * 3 + other[made.original.size()] * 16));
        made.original.push_back(static_cast<float>(value));
      }
  }
  return made;
}

}  // namespace facetrain::golden
