#include "dataservice/synth/write_jpeg.hpp"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include "common/error.hpp"

namespace facetrain {
namespace {

struct Escape {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

void leave(j_common_ptr info) {
  auto* escape = reinterpret_cast<Escape*>(info->err);
  info->err->format_message(info, escape->message);
  std::longjmp(escape->jump, 1);
}

// Plain C between setjmp and longjmp: nothing here has a destructor.
bool compress(const Image& image, int quality, Chroma chroma, Escape& escape, unsigned char** bytes,
              unsigned long* size) {
  jpeg_compress_struct info{};
  info.err = jpeg_std_error(&escape.base);
  escape.base.error_exit = leave;
  if (setjmp(escape.jump)) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, bytes, size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  if (chroma == Chroma::k444) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

std::vector<std::byte> write_jpeg(const Image& image, int quality, Chroma chroma) {
  Escape escape{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool done = compress(image, quality, chroma, escape, &bytes, &size);
  std::vector<std::byte> result;
  if (done) result.assign(reinterpret_cast<std::byte*>(bytes), reinterpret_cast<std::byte*>(bytes) + size);
  std::free(bytes);
  if (!done) throw Error(ErrorKind::kInternal, std::string("libjpeg: ") + escape.message);
  return result;
}

}  // namespace facetrain
