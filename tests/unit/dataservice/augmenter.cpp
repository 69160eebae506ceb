// What the chain promises besides its pixels: the same stream gives the same row, switches switch,
// frequencies are right.
#include "dataservice/augment/augmenter.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "dataservice/augment/augmentation.hpp"
#include "dataservice/augment/colour_jitter.hpp"
#include "dataservice/augment/erase.hpp"
#include "dataservice/augment/low_resolution.hpp"
#include "dataservice/augment/row_writer.hpp"

using namespace facetrain;

namespace {

constexpr int kPictureSide = 112;
constexpr std::size_t kElements = kPictureSide * kPictureSide * 3;

Image ramp(int width, int height) {
  Image image;
  image.resize(width, height);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(i * 7 + i / 336);
  return image;
}

Config all_on() {
  Config config;
  config.data.augment = config.data.rand_erase = config.data.flip = true;
  return config;
}

std::vector<float> row_of(Augmenter& augmenter, Image image, std::uint64_t position) {
  std::vector<float> row(kElements);
  augmenter.apply(image, RandomStream(1, Purpose::kAugment, 0, position),
                  std::as_writable_bytes(std::span(row)));
  return row;
}

}  // namespace

TEST_CASE("a row depends on its stream alone, not on what the augmenter did before") {
  const auto used = make_augmenter(all_on(), Dtype::kF32);
  std::vector<std::vector<float>> first;
  for (std::uint64_t i = 0; i < 40; ++i) first.push_back(row_of(*used, ramp(kPictureSide, kPictureSide), i));
  for (std::uint64_t i = 40; i-- > 0;) {
    row_of(*used, ramp(90, 150), 1000 + i);
    CHECK(row_of(*used, ramp(kPictureSide, kPictureSide), i) == first[i]);
    CHECK(row_of(*make_augmenter(all_on(), Dtype::kF32), ramp(kPictureSide, kPictureSide), i) == first[i]);
  }
  CHECK(first[0] != first[1]);
}

TEST_CASE("BGR, pixel_mean and pixel_std: after everything random, and as torchvision's Normalize") {
  Config config = all_on();
  const std::vector<float> rgb = row_of(*make_augmenter(config, Dtype::kF32), ramp(90, 150), 3);
  config.data.bgr = true;
  const std::vector<float> bgr = row_of(*make_augmenter(config, Dtype::kF32), ramp(90, 150), 3);
  for (std::size_t i = 0; i < kElements; i += 3) {
    REQUIRE(bgr[i] == rgb[i + 2]);
    REQUIRE(bgr[i + 1] == rgb[i + 1]);
    REQUIRE(bgr[i + 2] == rgb[i]);
  }
  CHECK(bgr != rgb);

  Config plain;
  plain.data.flip = false;
  plain.data.pixel_mean = 0;
  plain.data.pixel_std = 1;
  const Image image = ramp(kPictureSide, kPictureSide);
  const std::vector<float> unit = row_of(*make_augmenter(plain, Dtype::kF32), image, 0);
  for (std::size_t i = 0; i < kElements; ++i)
    REQUIRE(unit[i] == static_cast<float>(image.pixels[i]) / 255.0f);
}

TEST_CASE("switched off, the picture is only normalised") {
  Config config;
  config.data.augment = config.data.rand_erase = config.data.flip = false;
  const auto augmenter = make_augmenter(config, Dtype::kF32);
  const Image image = ramp(kPictureSide, kPictureSide);
  const std::vector<float> row = row_of(*augmenter, image, 5);
  for (std::size_t i = 0; i < kElements; ++i) {
    REQUIRE(row[i] == (static_cast<float>(image.pixels[i]) / 255.0f - 0.5f) / 0.5f);
  }
}

TEST_CASE("the flip is a mirror, for half of the pictures") {
  Config config;
  config.data.augment = config.data.rand_erase = false;
  const auto augmenter = make_augmenter(config, Dtype::kF32);
  Config off = config;
  off.data.flip = false;
  const std::vector<float> plain =
      row_of(*make_augmenter(off, Dtype::kF32), ramp(kPictureSide, kPictureSide), 0);
  std::vector<float> mirrored(kElements);
  for (std::size_t y = 0; y < kPictureSide; ++y) {
    for (std::size_t x = 0; x < kPictureSide; ++x) {
      std::copy_n(&plain[(y * kPictureSide + x) * 3], 3,
                  &mirrored[(y * kPictureSide + kPictureSide - 1 - x) * 3]);
    }
  }
  int flipped = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::vector<float> row = row_of(*augmenter, ramp(kPictureSide, kPictureSide), i);
    REQUIRE((row == plain || row == mirrored));
    if (row == mirrored) ++flipped;
  }
  CHECK(flipped > 450);  // 500, standard deviation 16
  CHECK(flipped < 550);
}

TEST_CASE("parameters stay in their ranges and reach them") {
  double lowest = 2.0, highest = 0.0;
  int smallest = 1000, largest = 0, erased = 0;
  std::vector<int> pairs(25), orders(27);
  for (std::uint64_t i = 0; i < 20000; ++i) {
    RandomStream rng(3, Purpose::kAugment, 0, i);
    const ColourJitter jitter = draw_colour_jitter(rng);
    lowest = std::min({lowest, jitter.brightness, jitter.contrast, jitter.saturation});
    highest = std::max({highest, jitter.brightness, jitter.contrast, jitter.saturation});
    ++orders[static_cast<std::size_t>(jitter.order[0]) * 9 + static_cast<std::size_t>(jitter.order[1]) * 3 +
             static_cast<std::size_t>(jitter.order[2])];
    const LowResolution low = draw_low_resolution(rng, kPictureSide);
    smallest = std::min(smallest, low.side);
    largest = std::max(largest, low.side);
    ++pairs[static_cast<std::size_t>(low.down) * 5 + static_cast<std::size_t>(low.up)];
    if (draw_erasing(rng, kPictureSide, kPictureSide)) ++erased;
  }
  CHECK(lowest >= 0.5);
  CHECK(lowest < 0.501);
  CHECK(highest < 1.5);
  CHECK(highest > 1.499);
  CHECK(smallest == 22);
  CHECK(largest == 111);
  for (const int count : pairs) CHECK(std::abs(count - 800) < 140);  // 28 is a standard deviation
  CHECK(std::count_if(orders.begin(), orders.end(), [](int count) { return count > 3000; }) == 6);
  CHECK(std::count(orders.begin(), orders.end(), 0) == 21);
  CHECK(std::abs(erased - 10000) < 350);
}

TEST_CASE("the table holds the reference's three, in its order") {
  const auto table = augmentation_table();
  REQUIRE(table.size() == 3);
  CHECK(table[0].name == "crop");
  CHECK(table[1].name == "low_resolution");
  CHECK(table[2].name == "colour_jitter");
  for (const auto& entry : table) CHECK(entry.probability == 0.3);
}

TEST_CASE("a picture of any size becomes the input size") {
  Config config = all_on();
  config.model.input_size = {96, 128};
  const auto augmenter = make_augmenter(config, Dtype::kBf16);
  std::vector<std::byte> row(96 * 128 * 3 * 2);
  for (const auto& [width, height] : {std::pair{1, 1}, {2, 300}, {300, 2}, {5, 4}, {250, 250}, {128, 96}}) {
    for (std::uint64_t i = 0; i < 200; ++i) {
      Image image = ramp(width, height);
      REQUIRE_NOTHROW(augmenter->apply(image, RandomStream(1, Purpose::kAugment, 0, i), row));
    }
  }
  CHECK_THROWS_AS(row_of(*augmenter, ramp(kPictureSide, kPictureSide), 0), Error);  // a row of another size
  config.model.input_size = {112};
  CHECK_THROWS_AS(make_augmenter(config, Dtype::kF32), Error);
}

TEST_CASE("floats become halves by rounding to nearest, ties to even") {
  CHECK(to_f16(1.0f) == 0x3C00);
  CHECK(to_f16(-2.0f) == 0xC000);
  CHECK(to_f16(1.0f + 0x1p-11f) == 0x3C00);             // half way: even below
  CHECK(to_f16(1.0f + 3 * 0x1p-11f) == 0x3C02);         // half way: even above
  CHECK(to_f16(1.0f + 0x1p-11f + 0x1p-20f) == 0x3C01);  // past half way
  CHECK(to_f16(2.0f - 0x1p-12f) == 0x4000);             // the carry reaches the exponent
  CHECK(to_f16(0x1p-24f) == 0x0001);                    // the smallest subnormal
  CHECK(to_f16(0x1p-25f) == 0x0000);
  CHECK(to_f16(3 * 0x1p-25f) == 0x0002);
  CHECK(to_f16(-0.0f) == 0x8000);
  CHECK(to_bf16(1.0f) == 0x3F80);
  CHECK(to_bf16(1.0f + 0x1p-8f) == 0x3F80);
  CHECK(to_bf16(1.0f + 3 * 0x1p-8f) == 0x3F82);
  CHECK(to_bf16(-1.0f - 0x1p-8f - 0x1p-16f) == 0xBF81);
}
