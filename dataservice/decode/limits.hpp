// The sizes of pictures that are read and decoded at all. A file or header may promise anything; memory is
// only given to sane promises.
#pragma once

#include <cstdint>
#include <string>

#include "common/error.hpp"

namespace facetrain {

inline constexpr std::uint32_t kMaxPictureSide = 16384;
inline constexpr std::uint64_t kMaxPicturePixels = 1ull << 26;  // 67 million, 192 MiB of RGB

inline constexpr std::uint64_t kMaxEncodedPicture = 1ull << 28;  // bytes: 256 MiB, a file or record

// Throws Error(kInput) for more bytes; name() says whose, and is called only then.
template <class Name>
void require_encoded_size(std::uint64_t bytes, const Name& name) {
  if (bytes > kMaxEncodedPicture)
    throw Error(ErrorKind::kInput, name() + ": a picture of " + std::to_string(bytes) +
                                       " bytes is refused (limit: " + std::to_string(kMaxEncodedPicture) +
                                       ")");
}

inline bool picture_size_allowed(std::uint64_t width, std::uint64_t height) {
  return width > 0 && height > 0 && width <= kMaxPictureSide && height <= kMaxPictureSide &&
         width * height <= kMaxPicturePixels;
}

inline Error picture_size_error(std::uint64_t width, std::uint64_t height) {
  return Error(ErrorKind::kInput, "a picture of " + std::to_string(width) + " x " + std::to_string(height) +
                                      " pixels is refused (limits: 1 to " + std::to_string(kMaxPictureSide) +
                                      " a side, " + std::to_string(kMaxPicturePixels) + " in all)");
}

}  // namespace facetrain
