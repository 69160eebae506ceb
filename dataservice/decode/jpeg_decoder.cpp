#include "dataservice/decode/jpeg_decoder.hpp"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <jpeglib.h>

#include <jerror.h>

#include "common/error.hpp"
#include "dataservice/decode/limits.hpp"

namespace facetrain {
namespace {

constexpr int kMaxScans = 500;  // a progressive file may hold any number of scans of the whole picture

std::uint8_t multiply_255(int a, int b) {  // round(a b / 255)
  const int product = a * b + 128;
  return static_cast<std::uint8_t>(((product >> 8) + product) >> 8);
}

// One row of Adobe's inverted CMYK (255: no ink) to RGB as Pillow does it: light that black lets through,
// less each ink's share of it.
void inverted_cmyk_to_rgb(const std::uint8_t* cmyk, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int white = cmyk[3];
    for (int c = 0; c < 3; ++c)
      rgb[c] = static_cast<std::uint8_t>(white - multiply_255(255 - cmyk[c], white));
  }
}

// A file with end-of-image markers behind it. jdhuff.c leaves its fast path in the last 512 bytes per block
// of an MCU (at most 10), which is most of a face's JPEG; the markers keep it there and stop a truncated file
// at once. The pixels are the same.
class PaddedFile {
 public:
  static constexpr std::size_t kPadding = std::size_t{512} * D_MAX_BLOCKS_IN_MCU;

  std::span<const std::uint8_t> assign(std::span<const std::byte> file) {
    const std::size_t start = file.size() % 2;  // so that the markers behind any file are in the same places
    const std::size_t end = start + file.size();
    if (buffer_.size() < end + kPadding) {
      buffer_.resize(end + kPadding);
      used_ = buffer_.size();
    }
    std::memcpy(buffer_.data() + start, file.data(), file.size());
    for (std::size_t i = end; i < used_; i += 2) {
      buffer_[i] = 0xFF;
      buffer_[i + 1] = 0xD9;
    }
    used_ = end;
    return {buffer_.data() + start, file.size() + kPadding};
  }

 private:
  std::vector<std::uint8_t> buffer_;  // an even number of bytes
  std::size_t used_ = 0;              // the last file's end: from here on there are markers
};

}  // namespace

// libjpeg reports errors by a callback that must not return. It jumps back to run(), which holds no object
// with a destructor, and run()'s caller throws.
struct JpegDecoder::State {
  jpeg_decompress_struct cinfo{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  bool created = false;
  char message[JMSG_LENGTH_MAX] = "";
  PaddedFile source;
  std::vector<std::uint8_t> cmyk;  // one row

  State() {
    cinfo.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr info) {
      State& state = of(info);
      (*info->err->format_message)(info, state.message);
      std::longjmp(state.jump, 1);
    };
    errors.emit_message = on_message;
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = [](j_common_ptr info) {
      if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) {
        fail(info, "more than 500 scans in a progressive JPEG");
      }
    };
    cinfo.client_data = this;
  }
  ~State() {
    if (created) jpeg_destroy_decompress(&cinfo);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static State& of(j_common_ptr info) { return *static_cast<State*>(info->client_data); }

  [[noreturn]] static void fail(j_common_ptr info, const char* text) {
    State& state = of(info);
    std::snprintf(state.message, sizeof(state.message), "%s", text);
    std::longjmp(state.jump, 1);
  }

  // Where libjpeg only warns and goes on with invented pixels, the picture is broken. Stray bytes between
  // markers and odd headers are harmless, and common in the wild.
  static void on_message(j_common_ptr info, int level) {
    if (level >= 0) return;
    switch (info->err->msg_code) {
      case JWRN_JPEG_EOF:
      case JWRN_HIT_MARKER:
      case JWRN_HUFF_BAD_CODE:
      case JWRN_ARITH_BAD_CODE:
      case JWRN_MUST_RESYNC:
      case JWRN_NOT_SEQUENTIAL: {
        State& state = of(info);
        (*info->err->format_message)(info, state.message);
        std::longjmp(state.jump, 1);
      }
      default:
        ++info->err->num_warnings;
    }
  }

  // Reads the header and settles the colours. False: see message.
  bool start(std::span<const std::uint8_t> padded) {
    if (setjmp(jump) != 0) return false;
    if (!created) {
      // Clears the struct, but for err and client_data.
      jpeg_create_decompress(&cinfo);
      created = true;
      cinfo.progress = &progress;
    }
    jpeg_mem_src(&cinfo, padded.data(), static_cast<unsigned long>(padded.size()));
    jpeg_read_header(&cinfo, TRUE);
    switch (cinfo.num_components) {
      case 1:
      case 3:
        cinfo.out_color_space = JCS_RGB;
        break;
      case 4:
        cinfo.out_color_space = JCS_CMYK;
        break;
      default:
        fail(reinterpret_cast<j_common_ptr>(&cinfo), "a JPEG of neither 1, 3 nor 4 components");
    }
    return true;
  }

  // Decodes to `image`, which has the header's size. False: see message.
  bool read_rows(Image& image) {
    if (setjmp(jump) != 0) return false;
    jpeg_start_decompress(&cinfo);
    if (cinfo.output_components == 4) {
      JSAMPROW row = cmyk.data();
      for (int y = 0; y < image.height; ++y) {
        jpeg_read_scanlines(&cinfo, &row, 1);
        inverted_cmyk_to_rgb(row, image.width, image.row(y));
      }
    } else {
      // libjpeg gives the rows of one group at most: 2 of 4:2:0, 4 of the tallest sampling.
      std::array<JSAMPROW, MAX_SAMP_FACTOR> rows;
      while (cinfo.output_scanline < cinfo.output_height) {
        const JDIMENSION count =
            std::min<JDIMENSION>(MAX_SAMP_FACTOR, cinfo.output_height - cinfo.output_scanline);
        for (JDIMENSION i = 0; i < count; ++i)
          rows[i] = image.row(static_cast<int>(cinfo.output_scanline + i));
        jpeg_read_scanlines(&cinfo, rows.data(), count);
      }
    }
    jpeg_finish_decompress(&cinfo);  // reads up to the end-of-image marker
    return true;
  }

  [[noreturn]] void give_up(const std::string& text) {
    if (created) jpeg_abort_decompress(&cinfo);
    throw Error(ErrorKind::kInput, "broken JPEG (truncated or damaged): " + text);
  }
};

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {}
JpegDecoder::~JpegDecoder() = default;
JpegDecoder::JpegDecoder(JpegDecoder&&) noexcept = default;
JpegDecoder& JpegDecoder::operator=(JpegDecoder&&) noexcept = default;

bool JpegDecoder::recognises(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xFF} && bytes[1] == std::byte{0xD8} &&
         bytes[2] == std::byte{0xFF};
}

void JpegDecoder::decode(std::span<const std::byte> bytes, Image& image) {
  State& state = *state_;
  if (!state.start(state.source.assign(bytes))) state.give_up(state.message);

  const auto& cinfo = state.cinfo;
  if (!picture_size_allowed(cinfo.image_width, cinfo.image_height)) {
    jpeg_abort_decompress(&state.cinfo);
    throw picture_size_error(cinfo.image_width, cinfo.image_height);
  }
  if (cinfo.num_components == 4) state.cmyk.resize(static_cast<std::size_t>(cinfo.image_width) * 4);
  image.resize(static_cast<int>(cinfo.image_width), static_cast<int>(cinfo.image_height));
  if (!state.read_rows(image)) state.give_up(state.message);
  // The marker that ended the picture must be the file's own, not the padding's.
  if (state.cinfo.src->bytes_in_buffer < PaddedFile::kPadding) state.give_up("the file is truncated");
}

}  // namespace facetrain
