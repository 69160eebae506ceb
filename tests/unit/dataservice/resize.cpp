// The resamplers make the same bytes with AVX2 and without, and whatever sizes they have seen before; the
// goldens (augmentations, prepare) say that these are the reference's bytes.
#include <doctest/doctest.h>

#include <array>
#include <cstring>

#include "common/plan/philox.hpp"
#include "dataservice/augment/opencv_resize.hpp"
#include "dataservice/augment/pillow_resize.hpp"

using namespace facetrain;

namespace {

constexpr std::array<Interpolation, 5> kInterpolations{Interpolation::kNearest, Interpolation::kLinear,
                                                       Interpolation::kCubic, Interpolation::kArea,
                                                       Interpolation::kLanczos4};

// Values 0 and 255 only for every third seed: filters with negative weights then leave the range.
Image noise(int width, int height, std::uint32_t seed) {
  Image image;
  image.resize(width, height);
  RandomStream rng(seed, Purpose::kAugment, 0, 0);
  for (int y = 0; y < height; ++y) {
    std::uint8_t* row = image.row(y);
    for (int i = 0; i < 3 * width; ++i) {
      row[i] = static_cast<std::uint8_t>(seed % 3 == 0 ? 255 * rng.below(2) : rng.below(256));
    }
  }
  return image;
}

bool equal(const Image& a, const Image& b) {
  return a.width == b.width && a.height == b.height &&
         std::memcmp(a.row(0), b.row(0),
                     static_cast<std::size_t>(a.width) * static_cast<std::size_t>(a.height) * 3) == 0;
}

struct Pair {
  OpenCvResize portable{Instructions::kPortable};
  OpenCvResize best{best_instructions()};
  Image a, b;

  void check(const Image& source, int width, int height) {
    for (const Interpolation interpolation : kInterpolations) {
      portable.resize(source, width, height, interpolation, a);
      best.resize(source, width, height, interpolation, b);
      CAPTURE(source.width);
      CAPTURE(source.height);
      CAPTURE(width);
      CAPTURE(height);
      CAPTURE(static_cast<int>(interpolation));
      CHECK(equal(a, b));
    }
  }
};

}  // namespace

TEST_CASE("the low-resolution step's sizes: portable and AVX2 are equal") {
  Pair pair;
  for (int side = 1; side <= 112; ++side) {
    pair.check(noise(112, 112, static_cast<std::uint32_t>(side)), side, side);
    pair.check(noise(side, side, static_cast<std::uint32_t>(side)), 112, 112);
  }
}

TEST_CASE("any sizes: portable and AVX2 are equal") {
  Pair pair;
  RandomStream rng(7, Purpose::kAugment, 0, 0);
  for (std::uint32_t i = 0; i < 600; ++i) {
    const std::uint32_t most = i < 400 ? 40 : 260;  // the small ones are shorter than filters and vectors
    std::array<int, 4> sizes{};
    for (int& size : sizes) size = 1 + static_cast<int>(rng.below(most));
    pair.check(noise(sizes[0], sizes[1], i), sizes[2], sizes[3]);
  }
}

TEST_CASE("Pillow's resize, any sizes: portable and AVX2 are equal") {
  PillowResize portable(Instructions::kPortable), best(best_instructions());
  RandomStream rng(8, Purpose::kAugment, 0, 0);
  for (std::uint32_t i = 0; i < 900; ++i) {
    const std::uint32_t most = i < 600 ? 40 : 260;
    std::array<int, 4> sizes{};
    for (int& size : sizes) size = 1 + static_cast<int>(rng.below(most));
    Image a = noise(sizes[0], sizes[1], i), b = a;
    portable.resize(a, sizes[2], sizes[3]);
    best.resize(b, sizes[2], sizes[3]);
    CAPTURE(i);
    CHECK(equal(a, b));
  }
}

TEST_CASE("tables that were forgotten are made again") {
  const Image source = noise(90, 90, 1), wide = noise(1500, 3, 2);
  OpenCvResize resizer;
  Image before, after, other;
  resizer.resize(source, 112, 112, Interpolation::kLanczos4, before);
  // 1000 tables of more than 16 KB
  for (int width = 400; width < 1400; ++width)
    resizer.resize(wide, width, 3, Interpolation::kLanczos4, other);
  resizer.resize(source, 112, 112, Interpolation::kLanczos4, after);
  CHECK(equal(before, after));
}
