// Colour jitter, row writer and the whole chain give the same bytes with every set of instructions.
#include <algorithm>
#include <array>
#include <iostream>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "dataservice/augment/augmenter.hpp"
#include "dataservice/augment/colour_jitter.hpp"
#include "dataservice/augment/colour_jitter_avx2.hpp"
#include "dataservice/augment/row_writer.hpp"
#include "dataservice/instructions.hpp"

using namespace facetrain;

namespace {

using Random = std::mt19937;

bool have_avx2() {
  if (best_instructions() == Instructions::kAvx2) return true;
  std::cout << "SKIPPED: no AVX2 on this processor\n";
  return false;
}

// Noise of all values, or of values near the ends, where clipping happens.
Image noise(Random& random, int width, int height) {
  Image image;
  image.resize(width, height);
  const auto kind = random() % 4;
  for (std::uint8_t& value : image.pixels) {
    const auto drawn = static_cast<std::uint8_t>(random());
    value = kind == 0   ? static_cast<std::uint8_t>(drawn >> 4)
            : kind == 1 ? static_cast<std::uint8_t>(255 - (drawn >> 4))
                        : drawn;
  }
  return image;
}

const std::vector<std::pair<int, int>> kSizes{{1, 1},  {2, 1},  {1, 3},   {5, 3},   {15, 1},    {16, 1},
                                              {17, 1}, {31, 7}, {33, 16}, {47, 48}, {112, 112}, {113, 97}};

double draw_factor(Random& random) {
  constexpr std::array kSpecial{0.5, 0.75, 1.0, 1.25, 1.5, 1.0 / 1.5, 4.0 / 3.0, 0.500001, 1.499999999};
  if (random() % 4 == 0) return kSpecial[random() % kSpecial.size()];
  return std::uniform_real_distribution(0.5, 1.5)(random);
}

}  // namespace

TEST_CASE("colour jitter: every order, odd sizes, factors to the ends of their range") {
  if (!have_avx2()) return;
  Random random(1);
  for (const auto& [width, height] : kSizes) {
    std::array order{ColourOperation::kBrightness, ColourOperation::kContrast, ColourOperation::kSaturation};
    do {
      for (int i = 0; i < 60; ++i) {
        const ColourJitter how{order, draw_factor(random), draw_factor(random), draw_factor(random)};
        const Image image = noise(random, width, height);
        Image plain = image, vectors = image;
        jitter_colours(plain, how, Instructions::kPortable);
        jitter_colours(vectors, how, Instructions::kAvx2);
        CAPTURE(width);
        CAPTURE(how.brightness);
        CAPTURE(how.contrast);
        CAPTURE(how.saturation);
        REQUIRE(plain.pixels == vectors.pixels);
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

#ifdef FACETRAIN_HAS_AVX2
TEST_CASE("a blend's multiplier gives Pillow's blend of every level and value; nearly all factors have one") {
  if (!have_avx2()) return;
  Random random(2);
  int without = 0;
  constexpr int kFactors = 300;
  for (int i = 0; i < kFactors; ++i) {
    const auto factor = static_cast<float>(std::uniform_real_distribution(0.5, 1.5)(random));
    const auto multiplier = blend_multiplier(factor);
    if (!multiplier) {
      ++without;
      continue;
    }
    int wrong = 0;
    for (int level = 0; level < 256; ++level) {
      for (int value = 0; value < 256; ++value) {
        const int difference = value - level;
        const float sum = static_cast<float>(level) + factor * static_cast<float>(difference);
        const int pillow = static_cast<int>(std::clamp(sum, 0.0f, 255.0f));
        if (std::clamp(value + ((difference * *multiplier) >> 16), 0, 255) != pillow) ++wrong;
      }
    }
    CAPTURE(factor);
    CHECK(wrong == 0);
  }
  CHECK(without < kFactors / 20);
  CHECK(blend_multiplier(1.0f) == 0);
  CHECK(blend_multiplier(0.5f) == -32768);
  CHECK(!blend_multiplier(1.5f));  // does not fit
}
#endif

TEST_CASE("row writer: dtypes, means and deviations, flips, channel orders, erasures, widths") {
  if (!have_avx2()) return;
  Random random(3);
  const std::vector<std::pair<double, double>> values{{0.5, 0.5},        {0.0, 1.0},  {0.485, 0.229},
                                                      {0.5, 128 / 255.}, {0.3, 1e-3}, {-0.1, 1e3}};
  constexpr std::size_t kGuard = 64;
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16, Dtype::kBf16}) {
    for (const auto& [mean, deviation] : values) {
      for (int i = 0; i < 400; ++i) {
        const int width = i < 60 ? i + 1 : i == 60 ? 112 : 1 + static_cast<int>(random() % 130);
        const int height = 1 + static_cast<int>(random() % 5);
        const Image image = noise(random, width, height);
        const bool flip = random() % 2 == 0;
        std::optional<Rectangle> erased;
        if (random() % 2 == 0) {
          Rectangle area;
          area.left = static_cast<int>(random() % static_cast<unsigned>(width + 1));
          area.width = static_cast<int>(random() % static_cast<unsigned>(width - area.left + 1));
          area.top = static_cast<int>(random() % static_cast<unsigned>(height + 1));
          area.height = static_cast<int>(random() % static_cast<unsigned>(height - area.top + 1));
          erased = area;
        }
        const PixelValues how{mean, deviation, random() % 2 == 0};
        const std::size_t bytes = image.pixels.size() * size_of(dtype);
        std::array<std::vector<std::byte>, 2> rows;
        for (const bool avx2 : {false, true}) {
          std::vector<std::byte>& row = rows[avx2 ? 1 : 0];
          row.assign(bytes + kGuard, std::byte{0xA5});
          RowWriter(dtype, how, avx2 ? Instructions::kAvx2 : Instructions::kPortable)
              .write(image, flip, erased, std::span(row).first(bytes));
        }
        CAPTURE(name_of(dtype));
        CAPTURE(mean);
        CAPTURE(deviation);
        CAPTURE(width);
        CAPTURE(flip);
        REQUIRE(rows[0] == rows[1]);
        REQUIRE(std::all_of(rows[1].end() - kGuard, rows[1].end(),
                            [](std::byte b) { return b == std::byte{0xA5}; }));
      }
    }
  }
}

TEST_CASE("the usual means and deviations need no table") {
  if (!have_avx2()) return;
  for (const auto& [mean, deviation] : {std::pair{0.5f, 0.5f}, {0.0f, 1.0f}, {0.485f, 0.229f}}) {
    std::array<float, 256> floats;
    std::array<std::uint16_t, 256> f16, bf16;
    for (std::size_t i = 0; i < 256; ++i) {
      floats[i] = (static_cast<float>(i) / 255.0f - mean) / deviation;
      f16[i] = to_f16(floats[i]);
      bf16[i] = to_bf16(floats[i]);
    }
    CHECK(find_row_kernel(Dtype::kF32, mean, deviation, std::as_bytes(std::span(floats))));
    CHECK(find_row_kernel(Dtype::kF16, mean, deviation, std::as_bytes(std::span(f16))));
    CHECK(find_row_kernel(Dtype::kBf16, mean, deviation, std::as_bytes(std::span(bf16))));
    ++f16[77];  // and a table that no arithmetic gives has none
    CHECK(!find_row_kernel(Dtype::kF16, mean, deviation, std::as_bytes(std::span(f16))));
  }
}

TEST_CASE("the whole chain, pictures of any size") {
  if (!have_avx2()) return;
  Random random(4);
  Config config;
  config.data.augment = config.data.rand_erase = config.data.flip = true;
  config.model.input_size = {112, 112};
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16, Dtype::kBf16}) {
    const auto plain = make_augmenter(config, dtype, Instructions::kPortable);
    const auto vectors = make_augmenter(config, dtype, Instructions::kAvx2);
    std::vector<std::byte> plain_row(112 * 112 * 3 * size_of(dtype)), vectors_row(plain_row.size());
    for (std::uint64_t i = 0; i < 150; ++i) {
      const auto [width, height] = kSizes[i % kSizes.size()];
      Image image = noise(random, width, height), copy = image;
      const RandomStream stream(5, Purpose::kAugment, 0, i);
      plain->apply(image, stream, plain_row);
      vectors->apply(copy, stream, vectors_row);
      REQUIRE(plain_row == vectors_row);
    }
  }
}
