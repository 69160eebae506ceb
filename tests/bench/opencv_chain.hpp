// The reference's augmentation chain through OpenCV, as an engineer writes it
// who knows OpenCV: no copy more than its functions need, buffers kept, tables
// for brightness and contrast, uint8 to half in one convertTo. Only what is
// drawn, and from which random numbers, is ours.
#pragma once

#include <array>
#include <cstddef>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "common/config/config.hpp"
#include "dataservice/augment/augmentation.hpp"
#include "dataservice/augment/colour_jitter.hpp"
#include "dataservice/augment/crop.hpp"
#include "dataservice/augment/erase.hpp"
#include "dataservice/augment/low_resolution.hpp"

namespace facetrain::bench {

class OpenCvChain {
 public:
  // Whether the last picture's colours were jittered; the only step whose
  // rounding is not ours.
  bool jittered() const { return jittered_; }

  // pixels: 112 x 112 RGB, used as scratch; row: as many CV_16F elements. Draws
  // as dataservice/augment/chain.cpp.
  void apply(unsigned char* pixels, RandomStream rng, std::byte* row) {
    image_ = cv::Mat(kSide, kSide, CV_8UC3, pixels);
    const auto table = augmentation_table();
    if (rng.uniform() < table[0].probability) crop(draw_crop(rng, kSide, kSide));
    if (rng.uniform() < table[1].probability) lower_resolution(draw_low_resolution(rng, kSide));
    jittered_ = rng.uniform() < table[2].probability;
    if (jittered_) jitter(draw_colour_jitter(rng));
    if (rng.uniform() < 0.5) {
      cv::flip(image_, flipped_, 1);
      image_ = flipped_;
    }
    cv::Mat out(kSide, kSide, CV_16FC3, row);
    image_.convertTo(out, CV_16F, 1.0 / 127.5, -1.0);
    if (const auto erased = draw_erasing(rng, kSide, kSide)) {
      cv::Mat(kSide, kSide, CV_16SC3, row)(rectangle(*erased)).setTo(cv::Scalar::all(0));  // 0 in halves too
    }
  }

 private:
  static constexpr int kSide = 112;

  static cv::Rect rectangle(const Rectangle& r) { return {r.left, r.top, r.width, r.height}; }

  static int flag(Interpolation kind) {
    switch (kind) {
      case Interpolation::kNearest:
        return cv::INTER_NEAREST;
      case Interpolation::kLinear:
        return cv::INTER_LINEAR;
      case Interpolation::kArea:
        return cv::INTER_AREA;
      case Interpolation::kCubic:
        return cv::INTER_CUBIC;
      default:
        return cv::INTER_LANCZOS4;
    }
  }

  void crop(const Rectangle& kept) {
    cropped_.create(kSide, kSide, CV_8UC3);
    cropped_.setTo(cv::Scalar::all(0));
    image_(rectangle(kept)).copyTo(cropped_(rectangle(kept)));
    image_ = cropped_;
  }

  void lower_resolution(const LowResolution& how) {
    cv::resize(image_, small_, {how.side, how.side}, 0, 0, flag(how.down));
    cv::resize(small_, enlarged_, {kSide, kSide}, 0, 0, flag(how.up));
    image_ = enlarged_;
  }

  void blend_with_level(int level, double factor) {
    std::array<unsigned char, 256> table;
    for (int i = 0; i < 256; ++i) {
      const double value = level + factor * (i - level);
      table[static_cast<std::size_t>(i)] = static_cast<unsigned char>(std::min(std::max(value, 0.0), 255.0));
    }
    cv::LUT(image_, cv::Mat(1, 256, CV_8U, table.data()), image_);
  }

  void jitter(const ColourJitter& how) {
    for (const ColourOperation operation : how.order) {
      switch (operation) {
        case ColourOperation::kBrightness:
          blend_with_level(0, how.brightness);
          break;
        case ColourOperation::kContrast:
          cv::cvtColor(image_, gray_, cv::COLOR_RGB2GRAY);
          blend_with_level(static_cast<int>(cv::mean(gray_)[0] + 0.5), how.contrast);
          break;
        case ColourOperation::kSaturation:
          cv::cvtColor(image_, gray_, cv::COLOR_RGB2GRAY);
          cv::cvtColor(gray_, three_grays_, cv::COLOR_GRAY2RGB);
          cv::addWeighted(image_, how.saturation, three_grays_, 1.0 - how.saturation, 0.0, image_);
          break;
      }
    }
  }

  bool jittered_ = false;
  cv::Mat image_, cropped_, small_, enlarged_, gray_, three_grays_, flipped_;
};

}  // namespace facetrain::bench
