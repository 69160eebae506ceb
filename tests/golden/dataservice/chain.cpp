// The whole chain equals the reference's Augmenter and torchvision's transforms when both draw the same
// random numbers (tests/golden/record_augment.py replaces numpy's and torch's by our stream).
#include "dataservice/augment/augmenter.hpp"
#include "tests/golden/dataservice/pixels.hpp"

using namespace facetrain;

TEST_CASE("rows of patterns equal the reference's chain in every dtype") {
  const auto lines = golden::cases("augment/chain.txt");
  CHECK(lines.size() == 240);
  for (const std::string& line : lines) {
    CAPTURE(line);
    std::istringstream fields(line);
    std::string kind;
    std::uint32_t seed = 0;
    int width = 0, height = 0;
    std::uint64_t position = 0;
    Config config;
    std::string expected;
    std::int64_t new_height = 0, new_width = 0;
    fields >> kind >> seed >> width >> height >> position >> config.data.augment >> config.data.rand_erase >>
        new_height >> new_width;
    config.model.input_size = {new_height, new_width};
    for (const Dtype dtype : {Dtype::kF32, Dtype::kF16, Dtype::kBf16}) {
      fields >> expected;
      std::vector<std::byte> row(static_cast<std::size_t>(new_height * new_width) * 3 * size_of(dtype));
      Image image = golden::pattern(kind, seed, width, height);
      make_augmenter(config, dtype)->apply(image, RandomStream(42, Purpose::kAugment, 5, position), row);
      CHECK(golden::crc(row) == expected);
    }
  }
}
