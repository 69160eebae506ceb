#include "dataservice/align/encode_png.hpp"

#include <png.h>

#include <string>

#include "common/error.hpp"

namespace facetrain {

std::vector<std::byte> encode_png(const Image& image) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = PNG_FORMAT_RGB;
  std::vector<std::byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(header));
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&header, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0)
    throw Error(ErrorKind::kInternal, "libpng cannot write a picture: " + std::string(header.message));
  bytes.resize(size);
  return bytes;
}

}  // namespace facetrain
