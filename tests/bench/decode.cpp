// bench_decode, rows 1 and 2: our decoder beside libjpeg-turbo's own TurboJPEG API, 112 x 112 pictures from
// memory to RGB, one thread. Both sides keep their handles and buffers. The peer is told the size, so it
// reads no header twice, and is called with flags 0: the same accurate DCT and fancy upsampling as ours.
//   tuned  the JPEG copied in front of end-of-image markers, rows 8 bytes behind a multiple of 32: jdhuff.c
//   and
//          jdcolext-avx2.asm keep to their fast paths (jpeg_decoder.cpp, pixel_allocator.hpp)
//   plain  the JPEG where it lies, rows at multiples of 16, half of them at multiples of 32
#include <turbojpeg.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "common/error.hpp"
#include "dataservice/decode/decoder.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/pictures.hpp"

namespace facetrain::bench {
namespace {

constexpr int kSide = 112, kRounds = 9;
constexpr std::size_t kRowBytes = kSide * 3, kPixelBytes = kRowBytes * kSide;

using Jpeg = std::span<const std::byte>;

class TurboJpeg {
 public:
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
  const unsigned char* pixels() const { return pixels_; }

 private:
  std::vector<unsigned char> memory_;
  unsigned char* pixels_;
  tjhandle handle_;
};

class PlainTurboJpeg {
 public:
  void decode(Jpeg jpeg) { turbojpeg_.decode(jpeg.data(), jpeg.size()); }
  const unsigned char* pixels() const { return turbojpeg_.pixels(); }

 private:
  TurboJpeg turbojpeg_{0};
};

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
  const unsigned char* pixels() const { return turbojpeg_.pixels(); }

 private:
  static constexpr std::size_t kPadding = 5120;

  void write_markers(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) source_[i] = i % 2 == 0 ? std::byte{0xFF} : std::byte{0xD9};
  }

  TurboJpeg turbojpeg_{8};
  std::vector<std::byte> source_;
  std::size_t used_ = 0;
};

void run(Quality quality, const std::string& name, double plain_target, std::span<char* const> arguments) {
  const Pictures pictures(quality);
  const std::span<const Jpeg> all = pictures.all();
  const auto decoder = make_decoder();
  Image image;
  TunedTurboJpeg tuned(all);
  PlainTurboJpeg plain;

  for (const Jpeg jpeg : all) {
    decoder->decode(jpeg, image);
    tuned.decode(jpeg);
    plain.decode(jpeg);
    if (image.pixels.size() != kPixelBytes ||
        std::memcmp(image.pixels.data(), tuned.pixels(), kPixelBytes) != 0 ||
        std::memcmp(image.pixels.data(), plain.pixels(), kPixelBytes) != 0) {
      throw Error(ErrorKind::kInternal, "our pixels and turbojpeg's differ");
    }
  }
  const auto over_all = [&](const auto& decode) {
    return std::function<Cost()>([&all, &decode] {
      return measure(Clock::kThread, [&] {
        for (const Jpeg jpeg : all) decode(jpeg);
      });
    });
  };
  const auto by_ours = [&](Jpeg jpeg) { decoder->decode(jpeg, image); };
  const auto by_tuned = [&](Jpeg jpeg) { tuned.decode(jpeg); };
  const auto by_plain = [&](Jpeg jpeg) { plain.decode(jpeg); };
  const auto timings =
      interleave(kRounds, all.size(), {over_all(by_ours), over_all(by_tuned), over_all(by_plain)});
  std::printf("%s, %zu pictures, pixels equal\n", name.c_str(), all.size());
  std::printf("  %s\n  %s\n  %s\n", describe("ours", timings[0]).c_str(),
              describe("tuned turbojpeg", timings[1]).c_str(),
              describe("plain turbojpeg", timings[2]).c_str());
  if (wanted(arguments, 1))
    print_row(1, cpu_ratio(timings[0], timings[1]), 0.97, "decode " + name + " / tuned turbojpeg");
  if (wanted(arguments, 2))
    print_row(2, cpu_ratio(timings[0], timings[2]), plain_target, "decode " + name + " / plain turbojpeg");
}

}  // namespace
}  // namespace facetrain::bench

int main(int count, char** values) {
  using namespace facetrain::bench;
  const std::span<char* const> arguments(values, static_cast<std::size_t>(count));
  try {
    std::printf("libjpeg-turbo %d, both sides\n", LIBJPEG_TURBO_VERSION_NUMBER);
    run(Quality::k90, "q90 4:2:0", 1.25, arguments);
    run(Quality::k95, "q95 4:4:4", 1.15, arguments);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_decode: " << error.what() << "\n";
    return 1;
  }
}
