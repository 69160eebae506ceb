// Every kind of JPEG and PNG decodes to Pillow's pixels (tests/golden/record_decode.py).
#include "dataservice/decode/decoder.hpp"

#include "tests/golden/dataservice/pixels.hpp"

using namespace facetrain;

TEST_CASE("decoded fixtures equal Pillow's pixels") {
  const auto decoder = make_decoder();  // one for all: what it keeps between pictures must not show
  const auto lines = golden::cases("decode/expected.txt");
  CHECK(lines.size() >= 60);
  Image image;
  for (int round = 0; round < 2; ++round) {
    for (const std::string& line : lines) {
      CAPTURE(line);
      std::istringstream fields(line);
      std::string file, expected;
      int width = 0, height = 0;
      fields >> file >> width >> height >> expected;
      REQUIRE_NOTHROW(decoder->decode(golden::read_file(golden::data("decode/" + file)), image));
      CHECK(image.width == width);
      CHECK(image.height == height);
      CHECK(golden::crc(image) == expected);
    }
  }
  MESSAGE(lines.size() << " files");
}
