// CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes at a time by tables ("slicing-by-8"; Kounavis and
// Berry, IEEE ISCC 2005): what TensorBoard's files and checkpoints are checked with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace facetrain {

// before: the CRC of what stands in front of `bytes`, to go on from.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

inline std::uint32_t crc32c(std::string_view text) {
  return crc32c(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace facetrain
