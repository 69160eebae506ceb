#include "dataservice/augment/pillow_resize.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "dataservice/augment/pillow_passes_avx2.hpp"

namespace facetrain {

void PillowResize::prepare(Taps& taps, int source, int target) {
  const double scale = static_cast<double>(source) / target;
  const double support =
      std::max(scale, 1.0);  // the triangle's half width: shrinking averages, enlarging interpolates
  const double inverse = 1.0 / support;
  taps.source = source;
  taps.target = target;
  taps.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  const std::size_t outputs = static_cast<std::size_t>(target);
  taps.first.assign(outputs, 0);
  taps.count.assign(outputs, 0);
  taps.weights.assign(outputs * static_cast<std::size_t>(taps.stride), 0);
  std::vector<double> weights(static_cast<std::size_t>(taps.stride));
  for (std::size_t i = 0; i < outputs; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int count = std::min(static_cast<int>(centre + support + 0.5), source) - first;
    double sum = 0.0;
    for (int k = 0; k < count; ++k) {
      const double distance = std::abs((k + first - centre + 0.5) * inverse);
      const double weight = distance < 1.0 ? 1.0 - distance : 0.0;
      weights[static_cast<std::size_t>(k)] = weight;
      sum += weight;
    }
    taps.first[i] = first;
    taps.count[i] = count;
    for (int k = 0; k < count; ++k) {
      double weight = weights[static_cast<std::size_t>(k)];
      if (sum != 0.0) weight /= sum;
      taps.weights[i * static_cast<std::size_t>(taps.stride) + static_cast<std::size_t>(k)] =
          static_cast<std::int32_t>(0.5 + weight * (1 << kPillowWeightBits));
    }
  }
}

// As many taps for each output, an even number; those that are too many weigh 0.
void PillowResize::prepare_windows() {
  windows_ = {};
#ifdef FACETRAIN_HAS_AVX2
  if (instructions_ != Instructions::kAvx2) return;
  const int longest = *std::max_element(columns_.count.begin(), columns_.count.end());
  const int taps = longest + longest % 2;
  if (columns_.source < taps) return;
  std::vector<std::int32_t> first = columns_.first;
  for (std::int32_t& pixel : first) pixel = std::min(pixel, columns_.source - taps);
  windows_ = make_byte_windows(first, columns_.source, taps, ByteWindows::Lane::kTwoTaps);
  if (!windows_.fit) return;
  const std::size_t low_parts = windows_.weights.size();
  windows_.weights.resize(2 * low_parts);
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::int32_t* w = &columns_.weights[i * static_cast<std::size_t>(columns_.stride)];
    const int offset = columns_.first[i] - first[i];
    for (int k = 0; k < columns_.count[i]; ++k) {
      const int tap = offset + k, shift = 16 * (tap % 2);
      const std::size_t at = static_cast<std::size_t>(tap / 2) * windows_.stride + i;
      windows_.weights[at] |= w[k] >> avx2::kPillowLowBits << shift;
      windows_.weights[low_parts + at] |= (w[k] & ((1 << avx2::kPillowLowBits) - 1)) << shift;
    }
  }
#endif
}

void PillowResize::resize(Image& image, int width, int height) {
  // Since Pillow 13 rows come first when the height shrinks by more than twice what the width does (in
  // pixels); it shows in the last bit of pictures that are not square.
  const int shrinks_by = image.height - height;
  const bool rows_first = shrinks_by > 0 && shrinks_by > 2 * (image.width - width);
  if (rows_first) change_height(image, height);
  change_width(image, width);
  change_height(image, height);
}

void PillowResize::change_width(Image& image, int width) {
  if (image.width == width) return;
  if (columns_.source != image.width || columns_.target != width) {
    prepare(columns_, image.width, width);
    prepare_windows();
  }
  resize_columns(image, width, scratch_);
  std::swap(image, scratch_);
}

void PillowResize::change_height(Image& image, int height) {
  if (image.height == height) return;
  if (rows_.source != image.height || rows_.target != height) prepare(rows_, image.height, height);
  resize_rows(image, height, scratch_);
  std::swap(image, scratch_);
}

void PillowResize::resize_columns(const Image& source, int width, Image& target) {
  target.resize(width, source.height);
#ifdef FACETRAIN_HAS_AVX2
  if (windows_.fit) return avx2::pillow_columns(windows_, source, target);
#endif
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* from = source.row(y);
    std::uint8_t* to = target.row(y);
    const std::int32_t* w = columns_.weights.data();
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x, to += 3, w += columns_.stride) {
      const std::uint8_t* p = from + 3 * columns_.first[x];
      std::int32_t r = kPillowHalf, g = r, b = r;
      for (std::int32_t k = 0; k < columns_.count[x]; ++k, p += 3) {
        r += p[0] * w[k];
        g += p[1] * w[k];
        b += p[2] * w[k];
      }
      to[0] = pillow_pixel(r);
      to[1] = pillow_pixel(g);
      to[2] = pillow_pixel(b);
    }
  }
}

void PillowResize::resize_rows(const Image& source, int height, Image& target) {
  target.resize(source.width, height);
  const std::size_t row_bytes = static_cast<std::size_t>(source.width) * 3;
  sums_.resize(row_bytes);
  for (int y = 0; y < height; ++y) {
    const std::size_t out = static_cast<std::size_t>(y);
    const std::int32_t* w = &rows_.weights[out * static_cast<std::size_t>(rows_.stride)];
#ifdef FACETRAIN_HAS_AVX2
    if (instructions_ == Instructions::kAvx2) {
      avx2::pillow_row(source.row(rows_.first[out]), std::span(w, static_cast<std::size_t>(rows_.count[out])),
                       row_bytes, target.row(y));
      continue;
    }
#endif
    std::fill(sums_.begin(), sums_.end(), kPillowHalf);
    std::int32_t* sums = sums_.data();
    for (std::int32_t k = 0; k < rows_.count[out]; ++k) {
      const std::uint8_t* from = source.row(rows_.first[out] + k);
      const std::int32_t weight = w[k];
      for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += from[i] * weight;
    }
    std::uint8_t* to = target.row(y);
    for (std::size_t i = 0; i < row_bytes; ++i) to[i] = pillow_pixel(sums[i]);
  }
}

}  // namespace facetrain
