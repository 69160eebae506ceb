#include "dataservice/decode/decoder.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "dataservice/decode/jpeg_decoder.hpp"
#include "dataservice/decode/png_decoder.hpp"

namespace facetrain {
namespace {

// Content that people put into picture folders, for the message only.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kKnownOthers{{
    {"GIF8", "a GIF"},
    {"BM", "a BMP"},
    {"RIFF", "a WebP"},
    {"II*", "a TIFF"},
    {"MM", "a TIFF"},
    {"<", "a web page or XML"},
    {"PK", "a zip archive"},
    {"\x93NUMPY", "a NumPy array"},
}};

// "starts with 47 49 46 38 (a GIF)"
std::string describe_start(std::span<const std::byte> bytes) {
  std::string text = "starts with";
  for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) {
    std::array<char, 8> hex{};
    std::snprintf(hex.data(), hex.size(), " %02X", std::to_integer<unsigned>(bytes[i]));
    text += hex.data();
  }
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const auto& [start, name] : kKnownOthers) {
    if (content.starts_with(start)) return text + " (" + std::string(name) + ")";
  }
  return text;
}

class SniffingDecoder final : public Decoder {
 public:
  void decode(std::span<const std::byte> bytes, Image& image) override {
    if (JpegDecoder::recognises(bytes)) return jpeg_.decode(bytes, image);
    if (PngDecoder::recognises(bytes)) return png_.decode(bytes, image);
    if (bytes.empty()) throw Error(ErrorKind::kInput, "the file is empty");
    throw Error(ErrorKind::kInput, "neither a JPEG nor a PNG: " + describe_start(bytes));
  }

 private:
  JpegDecoder jpeg_;
  PngDecoder png_;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder() {
  return std::make_unique<SniffingDecoder>();
}

}  // namespace facetrain
