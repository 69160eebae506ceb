// Where an image's rows lie: libjpeg's fast stores depend on it (dataservice/pixel_allocator.hpp).
#include "dataservice/image.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>

using namespace facetrain;

TEST_CASE("no row of an even width starts at a multiple of 16") {
  Image image;
  for (int width = 2; width <= 260; width += 2) {
    CAPTURE(width);
    image.resize(width, 33);
    for (int y = 0; y < image.height; ++y) REQUIRE(reinterpret_cast<std::uintptr_t>(image.row(y)) % 16 != 0);
  }
  const Image copy = image;
  for (int y = 0; y < copy.height; ++y) REQUIRE(reinterpret_cast<std::uintptr_t>(copy.row(y)) % 16 != 0);
}

TEST_CASE("a smaller picture takes no new memory, and copies hold the same pixels") {
  Image image;
  image.resize(112, 112);
  std::iota(image.pixels.begin(), image.pixels.end(), std::uint8_t{1});
  const std::uint8_t* memory = image.pixels.data();
  const Image copy = image;
  CHECK(copy.pixels == image.pixels);
  CHECK(copy.row(1)[0] == static_cast<std::uint8_t>(1 + 336));
  image.resize(14, 14);
  CHECK(image.pixels.size() == 14 * 14 * 3);
  image.resize(112, 112);
  CHECK(image.pixels.data() == memory);
}
