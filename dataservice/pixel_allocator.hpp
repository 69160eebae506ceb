// Memory for pixels: it starts one byte after a multiple of 64, and new bytes are left as they are.
//
// libjpeg-turbo's AVX2 colour converter (jdcolext-avx2.asm; its SSE2 one for 16) writes past the cache when
// an output row starts at a multiple of 32, which costs a picture 15-25 % when its pixels are read right
// after. From an odd address no row of an even width does; of an odd width one row in 32 must.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace facetrain {

struct PixelAllocator {
  using value_type = std::uint8_t;
  template <typename Other>
  struct rebind {
    using other = PixelAllocator;
  };

  static std::uint8_t* allocate(std::size_t bytes) {
    return static_cast<std::uint8_t*>(::operator new(bytes + kOffset, kAlignment)) + kOffset;
  }
  static void deallocate(std::uint8_t* pixels, std::size_t) noexcept {
    ::operator delete(pixels - kOffset, kAlignment);
  }
  // A vector's resize() writes zeros but for this; the filler of a picture writes all of it.
  static void construct(std::uint8_t* pixel) noexcept { ::new (pixel) std::uint8_t; }
  static void construct(std::uint8_t* pixel, std::uint8_t value) noexcept { *pixel = value; }

  bool operator==(const PixelAllocator&) const = default;

 private:
  static constexpr std::size_t kOffset = 1;
  static constexpr std::align_val_t kAlignment{64};
};

}  // namespace facetrain
