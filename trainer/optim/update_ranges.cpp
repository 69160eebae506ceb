#include "trainer/optim/update_ranges.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include <string>
#include <utility>

#include "common/error.hpp"

namespace facetrain {
namespace {

// The part of a range's memory that is parameter `i` of it.
at::Tensor part_of(const at::Tensor& memory, const UpdateRange& range, std::size_t i,
                   const at::Tensor& parameter) {
  return memory.as_strided(parameter.sizes(), parameter.strides(),
                           memory.storage_offset() + range.offsets[i]);
}

at::Tensor in_memory_order(const at::Tensor& gradient, const at::Tensor& parameter) {
  if (gradient.strides() == parameter.strides()) return gradient;
  return at::empty_like(parameter).copy_(gradient);
}

}  // namespace

UpdateRanges::UpdateRanges(std::vector<TrainedParameter> parameters, std::span<const GradientBucket> buckets)
    : parameters_(std::move(parameters)) {
  const at::NoGradGuard no_grad;
  for (const GradientBucket& bucket : buckets) add_bucket(bucket);
  std::vector<bool> placed(parameters_.size());
  for (const UpdateRange& range : ranges_)
    for (const std::size_t index : range.parameters) placed[index] = true;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (placed[i]) continue;
    const TrainedParameter& parameter = parameters_[i];
    ranges_.push_back({parameter.tensor, {}, parameter.weight_decay, parameter.clipped, {i}, {0}});
  }
}

void UpdateRanges::add_bucket(const GradientBucket& bucket) {
  const at::Tensor values = at::zeros_like(bucket.flat);
  const std::size_t count = bucket.parameters.size();
  const auto alike = [&](std::size_t i, std::size_t j) {
    const TrainedParameter &a = parameters_[bucket.parameters[i]], &b = parameters_[bucket.parameters[j]];
    return a.weight_decay == b.weight_decay && a.clipped == b.clipped;
  };
  for (std::size_t first = 0; first < count;) {
    std::size_t end = first + 1;
    while (end < count && alike(first, end)) ++end;
    const std::int64_t begin = bucket.offsets[first];
    const std::int64_t length = (end < count ? bucket.offsets[end] : values.numel()) - begin;
    const TrainedParameter& like = parameters_[bucket.parameters[first]];
    UpdateRange& range = ranges_.emplace_back(UpdateRange{values.narrow(0, begin, length),
                                                          bucket.flat.narrow(0, begin, length),
                                                          like.weight_decay,
                                                          like.clipped,
                                                          {},
                                                          {}});
    for (std::size_t i = first; i < end; ++i) {
      range.parameters.push_back(bucket.parameters[i]);
      range.offsets.push_back(bucket.offsets[i] - begin);
      at::Tensor& parameter = parameters_[bucket.parameters[i]].tensor;
      const at::Tensor place = part_of(range.values, range, i - first, parameter);
      place.copy_(parameter.detach());
      parameter.set_data(place);
    }
    first = end;
  }
}

std::vector<at::Tensor> UpdateRanges::zeros() const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> all;
  for (const UpdateRange& range : ranges_) all.push_back(at::zeros_like(range.values));
  return all;
}

std::vector<at::Tensor> UpdateRanges::by_parameter(const std::vector<at::Tensor>& of_ranges) const {
  std::vector<at::Tensor> all(parameters_.size());
  for (std::size_t r = 0; r < ranges_.size(); ++r)
    for (std::size_t i = 0; i < ranges_[r].parameters.size(); ++i) {
      const std::size_t index = ranges_[r].parameters[i];
      all[index] = part_of(of_ranges[r], ranges_[r], i, parameters_[index].tensor);
    }
  return all;
}

std::vector<at::Tensor> UpdateRanges::gradients() const {
  std::vector<at::Tensor> all;
  for (const UpdateRange& range : ranges_) {
    all.push_back(range.gradients);
    if (range.values.numel() == 0) continue;
    for (std::size_t i = 0; i < range.parameters.size(); ++i) {
      const at::Tensor& parameter = parameters_[range.parameters[i]].tensor;
      const std::string name = "optimizer: parameter " + std::to_string(range.parameters[i]);
      if (!parameter.grad().defined()) throw Error(ErrorKind::kInternal, name + " has no gradient");
      if (!range.gradients.defined()) {
        all.back() = in_memory_order(parameter.grad(), parameter);
      } else if (static_cast<const char*>(parameter.const_data_ptr()) !=
                 static_cast<const char*>(range.values.const_data_ptr()) +
                     range.offsets[i] * parameter.element_size()) {
        throw Error(ErrorKind::kInternal, name + " was moved after the optimizer was made");
      }
    }
  }
  return all;
}

}  // namespace facetrain
