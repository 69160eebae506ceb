#include "dataservice/decode/png_decoder.hpp"

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include <png.h>

#include "common/error.hpp"
#include "dataservice/decode/limits.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kSignature = 8;

// What one picture needs of libpng. Errors jump to the setjmp of the member function that called; none of
// them holds an object with a destructor.
struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> bytes;
  std::size_t position = 0;
  std::jmp_buf jump{};
  char message[256] = "";
  bool clip_gray = false;

  explicit Reader(std::span<const std::byte> file) : bytes(file) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw Error(ErrorKind::kInternal,
                  "libpng cannot be set up (out of memory, or another version than at build time)");
    }
    png_set_read_fn(png, this, on_read);
    png_set_user_limits(png, kMaxPictureSide, kMaxPictureSide);
    png_set_chunk_malloc_max(png, 8u << 20);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    Reader& reader = *static_cast<Reader*>(png_get_error_ptr(png));
    std::snprintf(reader.message, sizeof(reader.message), "%s", text);
    std::longjmp(reader.jump, 1);
  }

  static void on_read(png_structp png, png_bytep target, std::size_t size) {
    Reader& reader = *static_cast<Reader*>(png_get_io_ptr(png));
    if (size > reader.bytes.size() - reader.position) png_error(png, "the file is truncated");
    std::memcpy(target, reader.bytes.data() + reader.position, size);
    reader.position += size;
  }

  // Reads the header and sets the conversions up. False: see message.
  bool start() {
    if (setjmp(jump) != 0) return false;
    png_read_info(png, info);
    const int colour = png_get_color_type(png, info);
    clip_gray = colour == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) == 16;
    if (clip_gray) return true;
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if ((colour & PNG_COLOR_MASK_COLOR) == 0) {
      png_set_expand_gray_1_2_4_to_8(png);
      png_set_gray_to_rgb(png);
    }
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return true;
  }

  bool read_rows(png_bytepp rows) {
    if (setjmp(jump) != 0) return false;
    png_read_image(png, rows);
    png_read_end(png, nullptr);
    return true;
  }
};

}  // namespace

bool PngDecoder::recognises(std::span<const std::byte> bytes) {
  return bytes.size() >= kSignature &&
         png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, kSignature) == 0;
}

void PngDecoder::decode(std::span<const std::byte> bytes, Image& image) {
  Reader reader(bytes);
  if (!reader.start())
    throw Error(ErrorKind::kInput, std::string("broken PNG (truncated or damaged): ") + reader.message);
  const std::size_t width = png_get_image_width(reader.png, reader.info);
  const std::size_t height = png_get_image_height(reader.png, reader.info);
  if (!picture_size_allowed(width, height)) throw picture_size_error(width, height);
  const std::size_t row_bytes = png_get_rowbytes(reader.png, reader.info);
  const std::size_t wanted = reader.clip_gray ? width * 2 : width * 3;
  if (row_bytes != wanted) throw Error(ErrorKind::kInput, "PNG: an unknown kind of pixels");

  image.resize(static_cast<int>(width), static_cast<int>(height));
  if (reader.clip_gray) wide_.resize(row_bytes * height);
  unsigned char* first = reader.clip_gray ? wide_.data() : image.pixels.data();
  rows_.resize(height);
  for (std::size_t y = 0; y < height; ++y) rows_[y] = first + y * row_bytes;
  if (!reader.read_rows(rows_.data()))
    throw Error(ErrorKind::kInput, std::string("broken PNG (truncated or damaged): ") + reader.message);

  if (reader.clip_gray) {  // Pillow's mode I;16 to RGB
    for (std::size_t i = 0; i < width * height; ++i) {
      const unsigned char value = wide_[2 * i] == 0 ? wide_[2 * i + 1] : 255;
      std::memset(&image.pixels[3 * i], value, 3);
    }
  }
}

}  // namespace facetrain
