#include "trainer/backbones/fused_norm.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <optional>
#include <vector>

#include "trainer/backbones/norm_passes.hpp"
#include "trainer/cuda/fused_bn.hpp"

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor in_channels_last(const at::Tensor& t) {
  return t.contiguous(at::MemoryFormat::ChannelsLast);
}

PixelRows shape_of(const at::Tensor& x) {
  return {x.size(0) * x.size(2) * x.size(3), x.size(1)};
}

template <typename T>
const T* values_of(const at::Tensor& t) {
  return t.defined() ? t.const_data_ptr<T>() : nullptr;
}

template <typename T>
std::vector<T> narrowed(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// scale = weight * inverse: what ChannelMap points to.
template <typename T>
std::vector<T> scales(const at::Tensor& weight, const std::vector<double>& inverse) {
  const T* by = weight.const_data_ptr<T>();
  std::vector<T> scale(inverse.size());
  for (std::size_t c = 0; c < scale.size(); ++c)
    scale[c] = static_cast<T>(static_cast<double>(by[c]) * inverse[c]);
  return scale;
}

// running := (1 - momentum) running + momentum values, in place.
template <typename T>
void move_on(const at::Tensor& running, const std::vector<double>& values, double momentum, double factor) {
  if (!running.defined()) return;
  T* kept = running.mutable_data_ptr<T>();
  for (std::size_t c = 0; c < values.size(); ++c)
    kept[c] = static_cast<T>((1 - momentum) * static_cast<double>(kept[c]) + momentum * factor * values[c]);
}

at::Tensor vector_of(const std::vector<double>& values, at::ScalarType type) {
  at::Tensor t = at::empty({static_cast<std::int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), t.mutable_data_ptr<double>());
  return t.to(type);
}

// y; mean and 1 / sqrt(variance + eps) as (2, C) float64 into `statistics`.
template <typename T>
at::Tensor cpu_forward(const at::Tensor& x, const FusedNorm& norm, at::Tensor& statistics) {
  const PixelRows shape = shape_of(x);
  const ChannelMoments moments = channel_moments(x.const_data_ptr<T>(), shape);
  std::vector<double> inverse(moments.variance.size());
  for (std::size_t c = 0; c < inverse.size(); ++c) inverse[c] = 1 / std::sqrt(moments.variance[c] + norm.eps);
  const auto rows = static_cast<double>(shape.rows);
  move_on<T>(norm.running_mean, moments.mean, norm.momentum, 1);
  move_on<T>(norm.running_var, moments.variance, norm.momentum, rows / (rows - 1));

  const std::vector<T> mean = narrowed<T>(moments.mean), scale = scales<T>(norm.weight, inverse);
  at::Tensor y = at::empty_like(x, at::MemoryFormat::ChannelsLast);
  normalise_pixels<T>(x.const_data_ptr<T>(), values_of<T>(norm.residual), shape,
                      {mean.data(), scale.data(), norm.bias.const_data_ptr<T>(), values_of<T>(norm.slope)},
                      y.mutable_data_ptr<T>());
  statistics = at::stack({vector_of(moments.mean, at::kDouble), vector_of(inverse, at::kDouble)});
  return y;
}

template <typename T>
CudaNormGradient cpu_backward(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& added,
                              const FusedNorm& norm, const at::Tensor& statistics) {
  const PixelRows shape = shape_of(x);
  const auto channels = static_cast<std::size_t>(shape.channels);
  const double* kept = statistics.const_data_ptr<double>();
  const std::vector<T> mean(kept, kept + channels);
  const std::vector<double> inverse(kept + channels, kept + 2 * channels);
  const std::vector<T> scale = scales<T>(norm.weight, inverse);
  const ChannelMap<T> map{mean.data(), scale.data(), norm.bias.const_data_ptr<T>(), values_of<T>(norm.slope)};
  GradientSums sums = gradient_sums<T>(x.const_data_ptr<T>(), gradient.const_data_ptr<T>(), shape, map);

  std::vector<T> constant(channels), linear(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double by = static_cast<double>(scale[c]) / static_cast<double>(shape.rows);
    constant[c] = static_cast<T>(by * sums.plain[c]);
    linear[c] = static_cast<T>(by * inverse[c] * inverse[c] * sums.centred[c]);
    sums.centred[c] *= inverse[c];  // the weight's gradient
  }
  const at::Tensor dx = at::empty_like(x, at::MemoryFormat::ChannelsLast);
  input_gradient<T>(x.const_data_ptr<T>(), gradient.const_data_ptr<T>(), values_of<T>(added), shape, map,
                    constant.data(), linear.data(), dx.mutable_data_ptr<T>());
  const at::ScalarType type = x.scalar_type();
  return {dx, vector_of(sums.centred, type), vector_of(sums.plain, type),
          norm.slope.defined() ? vector_of(sums.slope, type) : at::Tensor()};
}

struct FusedNormFunction : torch::autograd::Function<FusedNormFunction> {
  // A pointer is no tensor to autograd: x, weight, bias, slope and residual are, the rest of `norm` is not.
  // Returns y and x.
  static variable_list forward(AutogradContext* context, const at::Tensor& given, const at::Tensor& weight,
                               const at::Tensor& bias, const std::optional<at::Tensor>& slope,
                               const std::optional<at::Tensor>& residual, const FusedNorm* of) {
    FusedNorm norm = *of;
    norm.weight = weight, norm.bias = bias, norm.slope = slope.value_or(at::Tensor());
    norm.residual = residual ? in_channels_last(*residual) : at::Tensor();
    const at::Tensor x = in_channels_last(given);
    at::Tensor y, mean, inverse;
    if (x.is_cuda()) {
      const CudaNorm result = cuda_norm_forward(x, weight, bias, norm.slope, norm.residual, norm.running_mean,
                                                norm.running_var, norm.momentum, norm.eps);
      y = result.y, mean = result.mean, inverse = result.inverse;
    } else {
      y = x.scalar_type() == at::kDouble ? cpu_forward<double>(x, norm, mean)
                                         : cpu_forward<float>(x, norm, mean);
    }
    context->save_for_backward({x, weight, bias, norm.slope, mean, inverse});
    context->saved_data["residual"] = residual.has_value();
    context->set_materialize_grads(false);
    return {y, given};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    FusedNorm norm;
    norm.weight = saved[1], norm.bias = saved[2], norm.slope = saved[3];
    const at::Tensor added = gradients[1].defined() ? in_channels_last(gradients[1]) : at::Tensor();
    if (!gradients[0].defined()) return {added, {}, {}, {}, {}, {}};
    const at::Tensor gradient = in_channels_last(gradients[0]);
    CudaNormGradient result;
    if (x.is_cuda())
      result = cuda_norm_backward(x, gradient, added, norm.weight, norm.bias, norm.slope, saved[4], saved[5]);
    else
      result = x.scalar_type() == at::kDouble ? cpu_backward<double>(x, gradient, added, norm, saved[4])
                                              : cpu_backward<float>(x, gradient, added, norm, saved[4]);
    const bool residual = context->saved_data["residual"].toBool();
    return {result.x,    result.weight, result.bias, result.slope, residual ? gradients[0] : at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

bool can_fuse_norm(const at::Tensor& x, const FusedNorm& norm) {
  const bool pictures = x.dim() == 4 && x.numel() > 0 && x.size(0) * x.size(2) * x.size(3) > 1 &&
                        x.is_contiguous(at::MemoryFormat::ChannelsLast);
  if (!pictures) return false;
  if (norm.residual.defined() &&
      (norm.residual.sizes() != x.sizes() || norm.residual.scalar_type() != x.scalar_type()))
    return false;
  const at::ScalarType type = x.scalar_type(), of_parameters = norm.weight.scalar_type();
  if (x.is_cpu()) return type == of_parameters && (type == at::kFloat || type == at::kDouble);
  return x.is_cuda() && has_cuda_norm() && of_parameters == at::kFloat &&
         (type == at::kHalf || type == at::kBFloat16 || type == at::kFloat);
}

NormAndInput fused_norm_and_input(const at::Tensor& x, const FusedNorm& norm) {
  const auto given = [](const at::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; };
  const variable_list both =
      FusedNormFunction::apply(x, norm.weight, norm.bias, given(norm.slope), given(norm.residual), &norm);
  return {both[0], both[1]};
}

at::Tensor fused_norm(const at::Tensor& x, const FusedNorm& norm) {
  return fused_norm_and_input(x, norm).y;
}

}  // namespace facetrain
