// The pictures of record_parity_run.py: ORL faces that are their own mirror image, equal pixel by pixel to
// the ones that the reference trained on (by digest). Written as PNG files, with the lists long.txt and
// short.txt, to FACETRAIN_PARITY_DIR for tests/e2e/parity_run.sh.
#include <png.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "dataservice/decode/decoder.hpp"
#include "tests/golden/dataservice/pixels.hpp"
#include "tests/golden/golden_numbers.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;
namespace fs = std::filesystem;

namespace {

constexpr int kIdentities = 17, kPictures = 10, kSide = 112, kShort = 16;

std::string two_digits(int number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

// The left half mirrored onto the right one.
void mirror(Image& image) {
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide / 2; ++x)
      for (int c = 0; c < 3; ++c) image.row(y)[3 * (kSide - 1 - x) + c] = image.row(y)[3 * x + c];
}

void write_png(const std::string& path, const Image& image) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = header.height = kSide;
  header.format = PNG_FORMAT_RGB;
  REQUIRE(png_image_write_to_file(&header, path.c_str(), 0, image.pixels.data(), 0, nullptr) != 0);
}

}  // namespace

TEST_CASE("the symmetric pictures are those that the reference trained on") {
  const std::string orl = std::string(FACETRAIN_SOURCE_DIR) + "/../shared/data/orl/train";
  if (!fs::exists(orl)) {
    std::cout << "SKIPPED: no ../shared/data/orl\n";
    return;
  }
  const facetrain::test::TemporaryFolder scratch;
  const char* given = std::getenv("FACETRAIN_PARITY_DIR");
  const std::string folder = given != nullptr ? given : scratch.path().string();
  std::ofstream all(folder + "/long.txt"), first_of_each(folder + "/short.txt");
  const auto decoder = make_decoder();
  std::uint64_t digest = 0xcbf29ce484222325u;  // FNV-1a over all pixels
  Image image, again;
  for (int identity = 1; identity <= kIdentities; ++identity) {
    const std::string person = "/s" + two_digits(identity);
    fs::create_directories(folder + person);
    for (int picture = 1; picture <= kPictures; ++picture) {
      const std::string name = person + "/" + two_digits(picture);
      decoder->decode(golden::read_file(orl + name + ".jpg"), image);
      REQUIRE(image.width == kSide);
      REQUIRE(image.height == kSide);
      mirror(image);
      for (const std::uint8_t byte : image.pixels) digest = (digest ^ byte) * 0x100000001b3u;
      const std::string path = folder + name + ".png";
      write_png(path, image);
      decoder->decode(golden::read_file(path), again);
      REQUIRE(again.pixels == image.pixels);
      all << path << "\n";
      if (picture == 1 && identity <= kShort) first_of_each << path << "\n";
    }
  }
  const auto expected =
      facetrain::test::read_golden_numbers(FACETRAIN_SOURCE_DIR "/tests/golden/data/parity_run.txt")
          .at("pictures");
  CHECK((digest & 0xffffffffu) == static_cast<std::uint64_t>(expected[0]));
  CHECK((digest >> 32) == static_cast<std::uint64_t>(expected[1]));
}
