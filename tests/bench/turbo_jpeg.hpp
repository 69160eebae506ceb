// libjpeg-turbo's TurboJPEG API as a peer: 112 x 112 pictures from memory to
// RGB. It keeps handle and buffers, is told the size, so that it reads no
// header twice, and is called with flags 0: the same accurate DCT and fancy
// upsampling as ours.
#pragma once

#include <turbojpeg.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace facetrain::bench {

using Jpeg = std::span<const std::byte>;

class TurboJpeg {
 public:
  static constexpr int kSide = 112;
  static constexpr std::size_t kRowBytes = kSide * 3, kPixelBytes = kRowBytes * kSide;

  // offset: of the first row behind a multiple of 64.
  explicit TurboJpeg(std::size_t offset) : memory_(kPixelBytes + 128), handle_(tjInitDecompress()) {
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(memory_.data());
    pixels_ = memory_.data() + (64 - address % 64) % 64 + offset;
  }
  ~TurboJpeg() { tjDestroy(handle_); }
  TurboJpeg(const TurboJpeg&) = delete;
  TurboJpeg& operator=(const TurboJpeg&) = delete;

  void decode(const std::byte* jpeg, std::size_t size) {
    if (tjDecompress2(handle_, reinterpret_cast<const unsigned char*>(jpeg), size, pixels_, kSide, kRowBytes,
                      kSide, TJPF_RGB, 0) != 0) {
      throw Error(ErrorKind::kInternal, std::string("turbojpeg: ") + tjGetErrorStr2(handle_));
    }
  }
  unsigned char* pixels() { return pixels_; }

 private:
  std::vector<unsigned char> memory_;
  unsigned char* pixels_;
  tjhandle handle_;
};

// The JPEG where it lies, rows at multiples of 16, half of them at multiples
// of 32.
class PlainTurboJpeg {
 public:
  void decode(Jpeg jpeg) { turbojpeg_.decode(jpeg.data(), jpeg.size()); }
  unsigned char* pixels() { return turbojpeg_.pixels(); }

 private:
  TurboJpeg turbojpeg_{0};
};

// The JPEG copied in front of end-of-image markers, rows 8 bytes behind a
// multiple of 16: jdhuff.c and jdcolext-avx2.asm keep to their fast paths
// (jpeg_decoder.cpp, pixel_allocator.hpp).
class TunedTurboJpeg {
 public:
  explicit TunedTurboJpeg(std::span<const Jpeg> all) {
    std::size_t largest = 0;
    for (const Jpeg jpeg : all) largest = std::max(largest, jpeg.size());
    source_.resize(largest + kPadding);
    write_markers(0, source_.size());
  }

  void decode(Jpeg jpeg) {
    std::memcpy(source_.data(), jpeg.data(), jpeg.size());
    write_markers(jpeg.size(), used_);
    used_ = jpeg.size();
    turbojpeg_.decode(source_.data(), jpeg.size() + kPadding);
  }
  unsigned char* pixels() { return turbojpeg_.pixels(); }

 private:
  static constexpr std::size_t kPadding = 5120;

  void write_markers(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) source_[i] = i % 2 == 0 ? std::byte{0xFF} : std::byte{0xD9};
  }

  TurboJpeg turbojpeg_{8};
  std::vector<std::byte> source_;
  std::size_t used_ = 0;
};

}  // namespace facetrain::bench
