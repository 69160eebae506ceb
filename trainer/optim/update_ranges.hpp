// Parameters as a few long ranges of memory, so that an update is a few passes instead of hundreds of small
// ones.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/comm/gradient_buckets.hpp"

namespace facetrain {

struct TrainedParameter {
  at::Tensor tensor;         // with .grad at each step; all on one device
  bool weight_decay = true;  // false: BatchNorm's weight and bias (AdamW decays them too, as the reference's)
  bool clipped = false;      // its gradient counts for the norm that a step bounds: the backbone's
};

// Parameters that are updated alike: a stretch of one bucket's memory, or a parameter that is in no bucket.
struct UpdateRange {
  at::Tensor values;     // dense; a stretch: (n), zero between its parameters
  at::Tensor gradients;  // (n), the bucket's; undefined: the parameter's .grad at each step
  bool weight_decay = true, clipped = false;
  std::vector<std::size_t> parameters;  // indices into the list given
  std::vector<std::int64_t> offsets;    // where in the stretch each of them begins
};

class UpdateRanges {
 public:
  // buckets: of the first parameters of the list, in the same order. Those move into flat memory that is laid
  // out as their gradients are and become views of it, with their strides; every handle to them sees the
  // same values as before. They must not be moved again (Backbone::to, set_data).
  explicit UpdateRanges(std::vector<TrainedParameter> parameters,
                        std::span<const GradientBucket> buckets = {});

  const std::vector<TrainedParameter>& parameters() const { return parameters_; }
  const std::vector<UpdateRange>& ranges() const { return ranges_; }

  // A tensor of zeros for each range, as an optimiser's memory, and what of it belongs to each parameter: of
  // its shape, sharing the memory.
  std::vector<at::Tensor> zeros() const;
  std::vector<at::Tensor> by_parameter(const std::vector<at::Tensor>& of_ranges) const;

  // The gradients of each range, in the order of its memory (a copy where a parameter's lie otherwise);
  // undefined for an empty range. Throws Error(kInternal) for a parameter without gradient, and for one that
  // was moved out of its range.
  std::vector<at::Tensor> gradients() const;

 private:
  void add_bucket(const GradientBucket& bucket);

  std::vector<TrainedParameter> parameters_;
  std::vector<UpdateRange> ranges_;
};

}  // namespace facetrain
