// What a network is fed for validation, against the parent's own get_val_pair(rgb, mean, std) for RGB and BGR
// and for several means (tests/golden/record_validation_input.py): equal in every bit.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "trainer/validation/picture_rows.hpp"

using namespace facetrain;

TEST_CASE("pictures as the parent's get_val_pair makes them") {
  constexpr std::size_t kHeight = 8, kWidth = 16, kPictures = 2;
  constexpr std::size_t kValues = kPictures * 3 * kHeight * kWidth;
  std::vector<std::byte> bytes(kValues);
  for (std::size_t i = 0; i < kValues; ++i) bytes[i] = static_cast<std::byte>(i * 37 % 256);

  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/val_pair.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    PictureFormat format;
    fields >> format.bgr >> format.mean >> format.std_deviation >> std::hex;
    CAPTURE(format.bgr);
    CAPTURE(format.mean);
    const auto table = normalised_bytes(format);
    std::vector<float> values(2 * kValues);
    const std::span<float> originals(values.data(), kValues), mirrored(values.data() + kValues, kValues);
    normalise_pictures(bytes, kWidth, false, table, originals);
    normalise_pictures(bytes, kWidth, true, table, mirrored);
    if (format.bgr) swap_red_and_blue(values, kHeight * kWidth);
    std::size_t wrong = 0, read = 0;
    for (std::uint32_t bits; fields >> bits; ++read)
      wrong += read >= values.size() || std::bit_cast<std::uint32_t>(values[read]) != bits;
    CHECK(wrong == 0);
    CHECK(read == values.size());
    ++cases;
  }
  CHECK(cases == 4);
}
