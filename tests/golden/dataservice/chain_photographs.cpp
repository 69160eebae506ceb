// Real photographs (the ORL faces beside the checkout), decoded and augmented, equal the reference's rows
// (tests/golden/record_augment.py --orl).
#include <filesystem>
#include <iostream>

#include "dataservice/augment/augmenter.hpp"
#include "dataservice/decode/decoder.hpp"
#include "tests/golden/dataservice/pixels.hpp"

using namespace facetrain;

TEST_CASE("rows of photographs equal the reference's chain") {
  const std::string folder = std::string(FACETRAIN_SOURCE_DIR) + "/../shared/data/orl/";
  if (!std::filesystem::exists(folder)) {
    std::cout << "SKIPPED: no ../shared/data/orl\n";
    return;
  }
  Config config;
  config.data.augment = config.data.rand_erase = true;
  const auto decoder = make_decoder();
  const auto augmenter = make_augmenter(config, Dtype::kF32);
  const auto lines = golden::cases("augment/chain_orl.txt");
  CHECK(lines.size() == 250);
  Image image;
  std::vector<std::byte> row(112 * 112 * 3 * 4);
  for (const std::string& line : lines) {
    CAPTURE(line);
    std::istringstream fields(line);
    std::string path, expected;
    std::uint64_t position = 0;
    fields >> path >> position >> expected;
    decoder->decode(golden::read_file(folder + path), image);
    augmenter->apply(image, RandomStream(42, Purpose::kAugment, 6, position), row);
    CHECK(golden::crc(row) == expected);
  }
}
