// Each augmentation, with given parameters, makes the pixels of the reference's Augmenter
// (tests/golden/record_augment.py).
#include <array>
#include <cstdlib>
#include <map>

#include "dataservice/augment/colour_jitter.hpp"
#include "dataservice/augment/crop.hpp"
#include "dataservice/augment/erase.hpp"
#include "dataservice/augment/low_resolution.hpp"
#include "dataservice/augment/pillow_resize.hpp"
#include "dataservice/augment/row_writer.hpp"
#include "tests/golden/dataservice/pixels.hpp"

using namespace facetrain;

namespace {

// The first fields of a case: the picture to start from.
Image read_pattern(std::istream& fields) {
  std::string kind;
  std::uint32_t seed = 0;
  int width = 0, height = 0;
  fields >> kind >> seed >> width >> height;
  return golden::pattern(kind, seed, width, height);
}

}  // namespace

TEST_CASE("low resolution, every pair of interpolations") {
  const std::map<std::string, Interpolation> names{{"nearest", Interpolation::kNearest},
                                                   {"linear", Interpolation::kLinear},
                                                   {"area", Interpolation::kArea},
                                                   {"cubic", Interpolation::kCubic},
                                                   {"lanczos4", Interpolation::kLanczos4}};
  const auto lines = golden::cases("augment/low_resolution.txt");
  CHECK(lines.size() == 675);
  OpenCvResize resizer;
  Image small;
  for (const std::string& line : lines) {
    CAPTURE(line);
    std::istringstream fields(line);
    Image image = read_pattern(fields);
    LowResolution how;
    std::string down, up, expected, expected_small;
    fields >> how.side >> down >> up >> expected >> expected_small;
    how.down = names.at(down);
    how.up = names.at(up);
    lower_resolution(image, how, resizer, small);
    CHECK(golden::crc(small) == expected_small);
    CHECK(golden::crc(image) == expected);
  }
}

TEST_CASE("crop onto black") {
  const auto lines = golden::cases("augment/crop.txt");
  CHECK(lines.size() == 7);
  for (const std::string& line : lines) {
    CAPTURE(line);
    std::istringstream fields(line);
    Image image = read_pattern(fields);
    Rectangle kept;
    std::string expected;
    fields >> kept.top >> kept.left >> kept.height >> kept.width >> expected;
    crop_onto_black(image, kept);
    CHECK(golden::crc(image) == expected);
  }
}

TEST_CASE("colour jitter in every order") {
  const auto lines = golden::cases("augment/colour_jitter.txt");
  CHECK(lines.size() == 72);
  for (const std::string& line : lines) {
    CAPTURE(line);
    std::istringstream fields(line);
    Image image = read_pattern(fields);
    ColourJitter how;
    for (ColourOperation& operation : how.order) {
      int number = 0;
      fields >> number;
      operation = static_cast<ColourOperation>(number);
    }
    std::array<std::string, 3> factors;  // hexadecimal: the exact doubles
    std::string expected;
    fields >> factors[0] >> factors[1] >> factors[2] >> expected;
    how.brightness = std::strtod(factors[0].c_str(), nullptr);
    how.contrast = std::strtod(factors[1].c_str(), nullptr);
    how.saturation = std::strtod(factors[2].c_str(), nullptr);
    jitter_colours(image, how);
    CHECK(golden::crc(image) == expected);
  }
}

TEST_CASE("resize as Pillow's antialiased bilinear") {
  const auto lines = golden::cases("augment/pillow_resize.txt");
  CHECK(lines.size() == 57);
  PillowResize resizer;
  for (const std::string& line : lines) {
    CAPTURE(line);
    std::istringstream fields(line);
    Image image = read_pattern(fields);
    int width = 0, height = 0;
    std::string expected;
    fields >> width >> height >> expected;
    resizer.resize(image, width, height);
    CHECK(golden::crc(image) == expected);
  }
}

TEST_CASE("all 256 values, normalised, in every dtype") {
  const auto lines = golden::cases("augment/normalise.txt");
  REQUIRE(lines.size() == 256);
  Image image;
  image.resize(256, 1);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i / 3);
  std::vector<std::byte> row(image.pixels.size() * 4);
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16, Dtype::kBf16}) {
    const std::size_t size = size_of(dtype);
    RowWriter(dtype).write(image, false, std::nullopt, std::span(row).first(image.pixels.size() * size));
    for (const std::string& line : lines) {
      CAPTURE(line);
      std::istringstream fields(line);
      std::size_t value = 0;
      std::uint32_t f32 = 0, f16 = 0, bf16 = 0, bits = 0;
      fields >> value >> std::hex >> f32 >> f16 >> bf16;
      for (std::size_t b = size; b-- > 0;)
        bits = bits << 8 | std::to_integer<std::uint32_t>(row[value * 3 * size + b]);
      CHECK(bits == (dtype == Dtype::kF32 ? f32 : dtype == Dtype::kF16 ? f16 : bf16));
    }
  }
}

TEST_CASE("the rectangles that torchvision draws from the same random numbers") {
  const auto lines = golden::cases("augment/draws.txt");
  CHECK(lines.size() == 600);
  for (const std::string& line : lines) {
    CAPTURE(line);
    std::istringstream fields(line);
    std::string what;
    std::uint64_t position = 0;
    int width = 0, height = 0;
    Rectangle expected;
    fields >> what >> position >> width >> height >> expected.top >> expected.left >> expected.height >>
        expected.width;
    Rectangle drawn;
    if (what == "crop") {
      RandomStream rng(42, Purpose::kAugment, 3, position);
      drawn = draw_crop(rng, width, height);
    } else {
      RandomStream rng(42, Purpose::kAugment, 4, position);
      drawn = draw_erasing(rng, width, height).value_or(Rectangle{-1, -1, -1, -1});
    }
    CHECK(drawn.top == expected.top);
    CHECK(drawn.left == expected.left);
    CHECK(drawn.height == expected.height);
    CHECK(drawn.width == expected.width);
  }
}
