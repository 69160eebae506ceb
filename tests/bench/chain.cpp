// bench_chain, rows 3 and 4: 112 x 112 JPEGs from memory to augmented float16
// rows of a slot (decode, the reference's augmentations with their default
// probabilities, flip, normalise, erase), one thread, beside
//   row 3  turbojpeg's decoding alone, with both alignment measures
//   row 4  turbojpeg as it is, and the same chain through OpenCV with the same
//   random numbers
// Before row 4 is timed, every row of both sides is compared: equal but for the
// last bit of a half where colours were not jittered, else within
// kJitterTolerance levels of 255 (OpenCV's luma and addWeighted round otherwise
// than Pillow's).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <opencv2/core/ocl.hpp>
#include <opencv2/core/utility.hpp>

#include "common/error.hpp"
#include "dataservice/augment/augmenter.hpp"
#include "dataservice/decode/decoder.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/opencv_chain.hpp"
#include "tests/bench/pictures.hpp"
#include "tests/bench/turbo_jpeg.hpp"

namespace facetrain::bench {
namespace {

constexpr int kRounds = 9;
constexpr double kTolerance = 0.1, kJitterTolerance = 5.0, kMeanTolerance = 1.5;  // levels of 255
constexpr std::size_t kElements = TurboJpeg::kPixelBytes, kRowBytes = kElements * 2;
constexpr std::size_t kSlotRows = 3 * 128;  // three batches: more than the processor's caches, as in a run

RandomStream stream_of(std::uint64_t position) {
  return RandomStream(42, Purpose::kAugment, 0, position);
}

class OurChain {
 public:
  OurChain() {
    Config config;
    config.data.augment = config.data.rand_erase = config.data.flip = true;
    augmenter_ = make_augmenter(config, Dtype::kF16);
  }
  void apply(Jpeg jpeg, std::uint64_t position, std::byte* row) {
    decoder_->decode(jpeg, image_);
    augmenter_->apply(image_, stream_of(position), {row, kRowBytes});
  }

 private:
  std::unique_ptr<Decoder> decoder_ = make_decoder();
  std::unique_ptr<Augmenter> augmenter_;
  Image image_;
};

class OpenCvPeer {
 public:
  void apply(Jpeg jpeg, std::uint64_t position, std::byte* row) {
    turbojpeg_.decode(jpeg);
    chain_.apply(turbojpeg_.pixels(), stream_of(position), row);
  }
  bool jittered() const { return chain_.jittered(); }

 private:
  PlainTurboJpeg turbojpeg_;
  OpenCvChain chain_;
};

struct Difference {
  double plain = 0.0, jittered = 0.0, jittered_mean = 0.0;  // the largest of any picture, levels of 255
};

// Throws if a row differs by more than its tolerance.
Difference compare(std::span<const Jpeg> all, OurChain& ours, OpenCvPeer& peer) {
  std::vector<std::byte> our_row(kRowBytes), peer_row(kRowBytes);
  Difference worst;
  cv::Mat our_floats, peer_floats;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ours.apply(all[i], i, our_row.data());
    peer.apply(all[i], i, peer_row.data());
    cv::Mat(1, kElements, CV_16F, our_row.data()).convertTo(our_floats, CV_32F, 127.5);
    cv::Mat(1, kElements, CV_16F, peer_row.data()).convertTo(peer_floats, CV_32F, 127.5);
    const double most = cv::norm(our_floats, peer_floats, cv::NORM_INF);
    const double mean = cv::norm(our_floats, peer_floats, cv::NORM_L1) / static_cast<double>(kElements);
    const bool jittered = peer.jittered();
    if (most > (jittered ? kJitterTolerance : kTolerance) || mean > kMeanTolerance)
      throw Error(ErrorKind::kInternal, "picture " + std::to_string(i) + ": our row and OpenCV's differ by " +
                                            std::to_string(most) + " levels, on average by " +
                                            std::to_string(mean));
    if (jittered) {
      worst.jittered = std::max(worst.jittered, most);
      worst.jittered_mean = std::max(worst.jittered_mean, mean);
    } else {
      worst.plain = std::max(worst.plain, most);
    }
  }
  return worst;
}

void run(Quality quality, const std::string& name, double decode_target, double chain_target,
         std::span<char* const> arguments) {
  const Pictures pictures(quality);
  const std::span<const Jpeg> all = pictures.all();
  OurChain ours;
  OpenCvPeer opencv;
  TunedTurboJpeg tuned(all);
  std::vector<std::byte> slots(kSlotRows * kRowBytes, std::byte{1});
  const auto row_of = [&](std::size_t i) { return slots.data() + i % kSlotRows * kRowBytes; };

  const Difference worst = compare(all, ours, opencv);
  const auto over_all = [&](const auto& work) {
    return std::function<Cost()>([&all, &work] {
      return measure(Clock::kThread, [&] {
        for (std::size_t i = 0; i < all.size(); ++i) work(i);
      });
    });
  };
  const auto by_ours = [&](std::size_t i) { ours.apply(all[i], i, row_of(i)); };
  const auto by_tuned = [&](std::size_t i) { tuned.decode(all[i]); };
  const auto by_opencv = [&](std::size_t i) { opencv.apply(all[i], i, row_of(i)); };
  const auto timings =
      interleave(kRounds, all.size(), {over_all(by_ours), over_all(by_tuned), over_all(by_opencv)});
  std::printf(
      "%s, %zu pictures; both chains' rows differ by at most %.3f levels, jittered ones by %.2f (%.2f "
      "on average over the picture)\n",
      name.c_str(), all.size(), worst.plain, worst.jittered, worst.jittered_mean);
  std::printf("  %s\n  %s\n  %s\n", describe("our chain", timings[0]).c_str(),
              describe("tuned turbojpeg, decode only", timings[1]).c_str(),
              describe("plain turbojpeg and OpenCV's chain", timings[2]).c_str());
  if (wanted(arguments, 3))
    print_row(3, cpu_ratio(timings[0], timings[1]), decode_target,
              "whole chain to float16 " + name + " / tuned turbojpeg decode");
  if (wanted(arguments, 4))
    print_row(4, cpu_ratio(timings[0], timings[2]), chain_target,
              "whole chain to float16 " + name + " / turbojpeg and OpenCV in C++");
}

}  // namespace
}  // namespace facetrain::bench

int main(int count, char** values) {
  using namespace facetrain::bench;
  const std::span<char* const> arguments(values, static_cast<std::size_t>(count));
  try {
    cv::setNumThreads(1);
    cv::ocl::setUseOpenCL(false);
    cv::ipp::setUseIPP(false);
    std::printf("OpenCV %s (%s), libjpeg-turbo %s\n", cv::getVersionString().c_str(),
                cv::getCPUFeaturesLine().c_str(), FACETRAIN_TURBOJPEG_VERSION);
    run(Quality::k90, "q90 4:2:0", 0.72, 1.9, arguments);
    run(Quality::k95, "q95 4:4:4", 0.80, 1.6, arguments);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_chain: " << error.what() << "\n";
    return 1;
  }
}
