#include "dataservice/augment/opencv_resize.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "dataservice/augment/opencv_passes.hpp"

namespace facetrain {
namespace {

// Whole-numbered scales: the mean of a block, in integers for 2 x 2, else by a float reciprocal.
void average_blocks(const Image& source, int scale_x, int scale_y, Image& target) {
  const float reciprocal = 1.0f / static_cast<float>(scale_x * scale_y);
  const bool two = scale_x == 2 && scale_y == 2;
  for (int y = 0; y < target.height; ++y) {
    std::uint8_t* to = target.row(y);
    for (int x = 0; x < target.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        std::int32_t sum = 0;
        for (int dy = 0; dy < scale_y; ++dy) {
          const std::uint8_t* from = source.row(y * scale_y + dy) + 3 * x * scale_x + c;
          for (int dx = 0; dx < scale_x; ++dx) sum += from[3 * dx];
        }
        *to++ = static_cast<std::uint8_t>(two ? (sum + 2) >> 2
                                              : std::lrint(static_cast<float>(sum) * reciprocal));
      }
    }
  }
}

// Whether row y of `target` can be written with kSpareValues bytes more: what follows is written again later.
bool room_after(const Image& target, int y) {
  return static_cast<std::size_t>(target.height - 1 - y) * static_cast<std::size_t>(target.width) * 3 >=
         kSpareValues;
}

Filter filter_of(Interpolation interpolation, bool averages) {
  if (averages) return Filter::kArea;
  if (interpolation == Interpolation::kCubic) return Filter::kCubic;
  return interpolation == Interpolation::kLanczos4 ? Filter::kLanczos4 : Filter::kLinear;
}

}  // namespace

void OpenCvResize::resize(const Image& source, int width, int height, Interpolation interpolation,
                          Image& target) {
  target.resize(width, height);
  if (width == source.width && height == source.height) {
    std::memcpy(target.row(0), source.row(0),
                static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    return;
  }
  tables_.limit();
  if (interpolation == Interpolation::kNearest) return nearest(source, target);

  const double scale_x = opencv_scale(source.width, width), scale_y = opencv_scale(source.height, height);
  const int whole_x = static_cast<int>(std::lrint(scale_x)), whole_y = static_cast<int>(std::lrint(scale_y));
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const bool whole = std::abs(scale_x - whole_x) < epsilon && std::abs(scale_y - whole_y) < epsilon;
  if (interpolation == Interpolation::kLinear && whole && whole_x == 2 && whole_y == 2) {
    interpolation = Interpolation::kArea;
  }
  const bool averages = interpolation == Interpolation::kArea && scale_x >= 1 && scale_y >= 1;
  if (averages && whole) return average_blocks(source, whole_x, whole_y, target);
  two_passes(source, interpolation, averages, target);
}

void OpenCvResize::nearest(const Image& source, Image& target) {
  const NearestTable& columns = tables_.nearest(source.width, target.width);
  const NearestTable& rows = tables_.nearest(source.height, target.height);
  const std::size_t bytes = static_cast<std::size_t>(target.width) * 3;
  spare_row_.resize(std::max(spare_row_.size(), bytes + kSpareValues));
  for (int y = 0; y < target.height; ++y) {
    const std::int32_t from = rows.source[static_cast<std::size_t>(y)];
    std::uint8_t* const to = target.row(y);
    if (y > 0 && from == rows.source[static_cast<std::size_t>(y) - 1]) {
      std::memcpy(to, target.row(y - 1), bytes);
      continue;
    }
    const std::uint8_t* pixels = source.row(from);
#ifdef FACETRAIN_HAS_AVX2
    if (instructions_ == Instructions::kAvx2 && !columns.runs.empty()) {
      const bool room = room_after(target, y);
      avx2_nearest(columns.runs, pixels, room ? to : spare_row_.data());
      if (!room) std::memcpy(to, spare_row_.data(), bytes);
      continue;
    }
#endif
    std::uint8_t* pixel = to;
    for (const std::int32_t x : columns.source) {
      std::memcpy(pixel, pixels + 3 * x, 3);
      pixel += 3;
    }
  }
}

// Along each source row that is needed, once, then across the rows of each output row's window.
void OpenCvResize::two_passes(const Image& source, Interpolation interpolation, bool averages,
                              Image& target) {
  const ColumnTable& columns = tables_.columns(source.width, target.width, interpolation, averages);
  const RowTable& rows = tables_.rows(source.height, target.height, interpolation, averages);
  const Filter filter = filter_of(interpolation, averages);
  AlongRows along = portable_along(filter);
  AcrossRows across = portable_across(filter);
#ifdef FACETRAIN_HAS_AVX2
  if (instructions_ == Instructions::kAvx2) {
    if (columns.windows.fit) along = avx2_along(filter);
    across = avx2_across(filter);
  }
#endif

  const std::size_t count = static_cast<std::size_t>(target.width) * 3;
  const std::size_t blocks = ((count + kSpareValues) * sizeof(float) + sizeof(Block) - 1) / sizeof(Block);
  const std::size_t ring = std::bit_ceil(rows.most + kRowsTogether);
  sums_.resize(std::max(sums_.size(), ring * blocks));
  window_.resize(std::max(window_.size(), rows.most));
  spare_row_.resize(std::max(spare_row_.size(), count + kSpareValues));
  const auto row_of_sums = [&](std::size_t i) { return sums_[(i & (ring - 1)) * blocks].bytes.data(); };

  std::size_t made = 0;  // so many of the rows that are needed
  for (std::size_t y = 0; y < static_cast<std::size_t>(target.height); ++y) {
    const std::size_t begin = static_cast<std::size_t>(rows.begin[y]);
    const std::size_t length = static_cast<std::size_t>(rows.begin[y + 1]) - begin;
    const std::size_t last = static_cast<std::size_t>(rows.window[begin + length - 1]);
    while (made <= last) {
      std::array<RowOfSums, kRowsTogether> together{};
      const std::size_t n = std::min(kRowsTogether, rows.needed.size() - made);
      for (std::size_t r = 0; r < n; ++r, ++made)
        together[r] = {source.row(rows.needed[made]), row_of_sums(made)};
      along(columns, std::span(together).first(n), source.width, scratch_);
    }
    for (std::size_t k = 0; k < length; ++k) {
      window_[k] = row_of_sums(static_cast<std::size_t>(rows.window[begin + k]));
    }
    std::uint8_t* const to = target.row(static_cast<int>(y));
    const bool room = room_after(target, static_cast<int>(y));
    across(rows, y, std::span(window_).first(length), count, room ? to : spare_row_.data());
    if (!room) std::memcpy(to, spare_row_.data(), count);
  }
}

}  // namespace facetrain
