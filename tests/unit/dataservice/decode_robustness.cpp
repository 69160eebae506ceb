// Broken, hostile and foreign files: an Error(kInput) that says what is wrong, never a crash, and the decoder
// stays usable.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "common/plan/philox.hpp"
#include "dataservice/decode/decoder.hpp"

using namespace facetrain;

namespace {

using Bytes = std::vector<std::byte>;

Bytes fixture(const std::string& name) {
  std::ifstream in(std::string(FACETRAIN_SOURCE_DIR) + "/tests/golden/data/decode/" + name, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), name);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

Bytes bytes_of(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

// The message of the Error that decoding throws; "" if it decodes.
std::string refusal(Decoder& decoder, const Bytes& bytes) {
  Image image;
  try {
    decoder.decode(bytes, image);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInput);
    return error.what();
  }
  CHECK(image.pixels.size() ==
        static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3);
  return "";
}

const char* const kFixtures[] = {"face_420.jpg",
                                 "face_progressive.jpg",
                                 "odd_gray_progressive.jpg",
                                 "ycck_adobe.jpg",
                                 "restarts.jpg",
                                 "rgba16_interlaced.png",
                                 "palette4.png",
                                 "gray1.png"};

}  // namespace

TEST_CASE("every truncation of a picture is an error") {
  const auto decoder = make_decoder();
  for (const char* name : kFixtures) {
    CAPTURE(name);
    const Bytes whole = fixture(name);
    CHECK(refusal(*decoder, whole).empty());
    const std::size_t step = whole.size() / 150 + 1;
    for (std::size_t size = 0; size < whole.size(); size += size + 20 < whole.size() ? step : 1) {
      CAPTURE(size);
      CHECK_FALSE(
          refusal(*decoder, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))).empty());
    }
    CHECK(refusal(*decoder, whole).empty());
  }
}

TEST_CASE("a cut-off JPEG that someone closed with an end marker is an error") {
  const auto decoder = make_decoder();
  for (const char* name : {"face_420.jpg", "face_444.jpg", "face_gray.jpg"}) {
    Bytes cut = fixture(name);
    cut.resize(cut.size() / 2);
    cut.push_back(std::byte{0xFF});
    cut.push_back(std::byte{0xD9});
    CHECK(refusal(*decoder, cut).find("premature end") != std::string::npos);
  }
}

TEST_CASE("damaged pictures decode or are refused") {
  const auto decoder = make_decoder();
  std::uint64_t position = 0;
  int decoded = 0, refused = 0;
  for (const char* name : kFixtures) {
    const Bytes whole = fixture(name);
    for (int attempt = 0; attempt < 200; ++attempt) {
      RandomStream rng(1, Purpose::kSample, 0, position++);
      Bytes damaged = whole;
      for (std::uint32_t n = 1 + rng.below(4); n > 0; --n) {
        // Half of the damage goes to the headers, which hold sizes and tables.
        const std::uint32_t range = static_cast<std::uint32_t>(
            rng.below(2) == 0 ? damaged.size() : std::min<std::size_t>(damaged.size(), 700));
        damaged[rng.below(range)] ^= static_cast<std::byte>(1u << rng.below(8));
      }
      if (rng.below(4) == 0) damaged.resize(1 + rng.below(static_cast<std::uint32_t>(damaged.size())));
      if (refusal(*decoder, damaged).empty()) {
        ++decoded;
      } else {
        ++refused;
      }
    }
    CHECK(refusal(*decoder, whole).empty());
  }
  CHECK(decoded > 100);
  CHECK(refused > 300);
}

TEST_CASE("absurd sizes are refused before memory is given to them") {
  const auto decoder = make_decoder();
  Bytes jpeg = fixture("face_420.jpg");
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i) {
    if (jpeg[i] == std::byte{0xFF} && jpeg[i + 1] == std::byte{0xC0}) {
      std::memset(&jpeg[i + 5], 0xFE, 4);  // height and width 65278
      break;
    }
  }
  CHECK(refusal(*decoder, jpeg).find("65278 x 65278") != std::string::npos);

  Bytes png = fixture("rgb8.png");
  png[16] = std::byte{0x10};  // the header's checksum is wrong too, but whichever is seen first
  CHECK_FALSE(refusal(*decoder, png).empty());
}

TEST_CASE("other content is named") {
  const auto decoder = make_decoder();
  CHECK(refusal(*decoder, {}).find("empty") != std::string::npos);
  CHECK(refusal(*decoder, bytes_of("GIF89a........")).find("47 49 46 38 (a GIF)") != std::string::npos);
  CHECK(refusal(*decoder, bytes_of("<!DOCTYPE html>")).find("web page") != std::string::npos);
  CHECK(refusal(*decoder, bytes_of("x")).find("starts with 78") != std::string::npos);
}
