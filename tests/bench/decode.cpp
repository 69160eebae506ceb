// bench_decode, rows 1 and 2: our decoder beside libjpeg-turbo's own TurboJPEG API (turbo_jpeg.hpp), 112 x
// 112 pictures from memory to RGB, one thread. Both sides keep their handles and buffers.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "common/error.hpp"
#include "dataservice/decode/decoder.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/pictures.hpp"
#include "tests/bench/turbo_jpeg.hpp"

namespace facetrain::bench {
namespace {

constexpr int kRounds = 9;

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
    if (image.pixels.size() != TurboJpeg::kPixelBytes ||
        std::memcmp(image.pixels.data(), tuned.pixels(), TurboJpeg::kPixelBytes) != 0 ||
        std::memcmp(image.pixels.data(), plain.pixels(), TurboJpeg::kPixelBytes) != 0) {
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
