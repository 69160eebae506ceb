// The layout of the shared memory between a data service and one trainer rank: `slots` batches, each with its
// pictures (B, H, W, C) channels-last, labels int64 (B) and sample ids int64 (B; row_id.hpp tells of rows
// without a picture). Pure arithmetic; both sides compute it and compare.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/config/config.hpp"
#include "common/dtype.hpp"

namespace facetrain {

struct RingLayout {
  std::uint32_t slots = 3;
  std::uint32_t batch = 1;
  std::uint32_t height = 112;
  std::uint32_t width = 112;
  std::uint32_t channels = 3;
  Dtype dtype = Dtype::kF32;

  static constexpr std::uint64_t kPage = 4096;
  static constexpr std::uint64_t round_up(std::uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

  std::uint64_t row_bytes() const { return std::uint64_t{height} * width * channels * size_of(dtype); }
  // Offsets inside a slot; every part starts on a page.
  std::uint64_t images_offset() const { return 0; }
  std::uint64_t labels_offset() const { return round_up(row_bytes() * batch); }
  std::uint64_t ids_offset() const { return labels_offset() + round_up(std::uint64_t{8} * batch); }
  std::uint64_t slot_bytes() const { return ids_offset() + round_up(std::uint64_t{8} * batch); }
  std::uint64_t slot_offset(std::uint32_t slot) const { return slot_bytes() * slot; }
  std::uint64_t total_bytes() const { return slot_bytes() * slots; }

  // Bytes from one picture, row, column and channel to the next: channels-last.
  std::array<std::uint64_t, 4> strides() const {
    const std::uint64_t element = size_of(dtype);
    return {row_bytes(), std::uint64_t{width} * channels * element, channels * element, element};
  }
  // "3 slots of 128 x 112 x 112 x 3 f16", for messages.
  std::string text() const;

  bool operator==(const RingLayout&) const = default;
};

// The layout that a configuration asks for.
RingLayout ring_layout(const Config& config, Dtype dtype);

}  // namespace facetrain
