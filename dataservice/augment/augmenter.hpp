// The seam from a decoded picture to a ready row of the slot: augmented, resized, flipped, normalised to [-1,
// 1] (or by data.pixel_mean and data.pixel_std, in the order of data.bgr), erased, converted to the trainer's
// dtype, channels-last. Written once, straight into shared memory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "common/config/config.hpp"
#include "common/dtype.hpp"
#include "common/plan/philox.hpp"
#include "dataservice/image.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

class Augmenter {
 public:
  virtual ~Augmenter() = default;

  // row: height x width x 3 elements of the augmenter's dtype. `image` is used as scratch.
  // Every random decision comes from `rng` (a copy: the same stream gives the same row).
  virtual void apply(Image& image, RandomStream rng, std::span<std::byte> row) = 0;
};

// The reference's chain as the config switches it: data.augment (crop, low resolution, colour jitter), resize
// to model.input_size, data.flip, normalise (data.bgr, data.pixel_mean, data.pixel_std), data.rand_erase. One
// per worker thread (it owns scratch memory).
std::unique_ptr<Augmenter> make_augmenter(const Config& config, Dtype dtype,
                                          Instructions instructions = best_instructions());

}  // namespace facetrain
