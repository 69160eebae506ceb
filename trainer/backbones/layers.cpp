#include "trainer/backbones/layers.hpp"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/prelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cmath>
#include <numbers>

#include "common/error.hpp"
#include "common/plan/philox.hpp"
#include "trainer/backbones/fused_norm.hpp"

namespace facetrain {
namespace {

constexpr double kMomentum = 0.1, kLayerNormEps = 1e-5;

// Fills in logical (contiguous) order. Normals come in pairs by Box-Muller from two 32-bit words each: u1 in
// (0, 1], u2 in [0, 1).
void fill(float* values, std::int64_t count, const Init& init, RandomStream stream) {
  constexpr float kScale = 1.0f / 16777216.0f;  // 2^-24
  const float value = static_cast<float>(init.value);
  if (init.kind == Init::Kind::kConstant) {
    std::fill_n(values, count, value);
  } else if (init.kind == Init::Kind::kUniform) {
    for (std::int64_t i = 0; i < count; ++i) {
      values[i] = value * (2.0f * static_cast<float>(stream.next_u32() >> 8) * kScale - 1.0f);
    }
  } else {
    for (std::int64_t i = 0; i < count; i += 2) {
      const float radius =
          value * std::sqrt(-2.0f * std::log(static_cast<float>((stream.next_u32() >> 8) + 1) * kScale));
      const float angle =
          2.0f * std::numbers::pi_v<float> * static_cast<float>(stream.next_u32() >> 8) * kScale;
      values[i] = radius * std::cos(angle);
      if (i + 1 < count) values[i + 1] = radius * std::sin(angle);
    }
  }
}

at::Tensor channels_last(const at::Tensor& t) {
  return t.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

StateScope StateScope::child(const std::string& name) const {
  StateScope scope = *this;
  scope.prefix_ += name + ".";
  return scope;
}

StateScope StateScope::autocast() const {
  StateScope scope = *this;
  scope.autocast_ = true;
  return scope;
}

at::Tensor StateScope::parameter(const std::string& name, at::IntArrayRef sizes, Init init, bool weight_decay,
                                 bool trainable) const {
  at::Tensor t = at::empty(sizes, at::kFloat);
  fill(t.mutable_data_ptr<float>(), t.numel(), init,
       RandomStream(seed_, Purpose::kBackboneInit, static_cast<std::uint32_t>(state_->tensors.size()), 0));
  if (t.dim() == 4) t = channels_last(t);
  t.requires_grad_(trainable);
  state_->tensors.push_back({prefix_ + name, t, false, trainable, weight_decay});
  return t;
}

Weight StateScope::weight(at::IntArrayRef sizes, Init init) const {
  Weight weight{parameter("weight", sizes, init), nullptr};
  if (!autocast_) return weight;
  weight.cast = std::make_shared<at::Tensor>();
  state_->cast_weights.push_back(weight);
  return weight;
}

at::Tensor StateScope::buffer(const std::string& name, at::Tensor value) const {
  state_->tensors.push_back({prefix_ + name, value, true, false, false});
  return value;
}

std::vector<at::Tensor> StateScope::trainable() const {
  std::vector<at::Tensor> result;
  for (const NamedTensor& entry : state_->tensors)
    if (!entry.is_buffer && entry.trainable && entry.name.starts_with(prefix_))
      result.push_back(entry.tensor);
  return result;
}

Conv2d::Conv2d(const StateScope& scope, const ConvShape& s, Init init)
    : weight(scope.weight({s.out, s.in / s.groups, s.kernel, s.kernel}, init)),
      stride(s.stride),
      padding(s.padding < 0 ? s.kernel / 2 : s.padding),
      groups(s.groups) {
  if (s.bias) bias = scope.parameter("bias", {s.out}, init);
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  const std::array<std::int64_t, 2> strides{stride, stride}, paddings{padding, padding}, dilations{1, 1};
  return at::conv2d(x, weight(), bias, at::IntArrayRef(strides), at::IntArrayRef(paddings),
                    at::IntArrayRef(dilations), groups);
}

BatchNorm::BatchNorm(const StateScope& scope, std::int64_t channels, bool trainable_weight, double epsilon)
    : weight(scope.parameter("weight", {channels}, constant(1), false, trainable_weight)),
      bias(scope.parameter("bias", {channels}, constant(0), false)),
      running_mean(scope.buffer("running_mean", at::zeros({channels}, at::kFloat))),
      running_var(scope.buffer("running_var", at::ones({channels}, at::kFloat))),
      batches(scope.buffer("num_batches_tracked", at::zeros({}, at::kLong))),
      eps(epsilon) {}

at::Tensor BatchNorm::operator()(const at::Tensor& x, Pass pass) const {
  if (pass == Pass::kTrain) at::Tensor(batches).add_(1);
  // Without running statistics the batch's are used and nothing is updated.
  const bool running = pass != Pass::kRecompute;
  return at::batch_norm(x, weight, bias, running ? std::optional(running_mean) : std::nullopt,
                        running ? std::optional(running_var) : std::nullopt, pass != Pass::kEvaluate,
                        kMomentum, eps, true);
}

LayerNorm::LayerNorm(const StateScope& scope, std::int64_t size)
    : weight(scope.parameter("weight", {size}, constant(1))),
      bias(scope.parameter("bias", {size}, constant(0))) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, kLayerNormEps);
}

PReLU::PReLU(const StateScope& scope, std::int64_t channels)
    : weight(scope.parameter("weight", {channels}, constant(0.25))) {}

at::Tensor PReLU::operator()(const at::Tensor& x) const {
  return at::prelu(x, weight);
}

FuseNorm fuse_norm_of(const std::string& word) {
  if (word == "on") return FuseNorm::kOn;
  if (word == "off") return FuseNorm::kOff;
  return FuseNorm::kAuto;
}

namespace {

// Nothing where the pass is not wanted, or not made for x.
std::optional<NormAndInput> fused(const BatchNorm& bn, const at::Tensor& x, const PReLU* prelu,
                                  const at::Tensor* residual, Pass pass, FuseNorm fuse) {
  const bool moves = pass == Pass::kTrain;
  const FusedNorm norm{bn.weight,
                       bn.bias,
                       prelu ? prelu->weight : at::Tensor(),
                       residual ? *residual : at::Tensor(),
                       moves ? bn.running_mean : at::Tensor(),
                       moves ? bn.running_var : at::Tensor(),
                       kMomentum,
                       bn.eps};
  // On a CPU LibTorch's operators round as the reference's do: float32 steps are compared with it to 1e-5,
  // and the pass's own rounding makes 1.04e-5 of 5.7e-8.
  const bool wanted = fuse == FuseNorm::kOn || (fuse == FuseNorm::kAuto && !x.is_cpu());
  if (!wanted || pass == Pass::kEvaluate || x.scalar_type() == at::kDouble || !can_fuse_norm(x, norm))
    return std::nullopt;
  if (moves) at::Tensor(bn.batches).add_(1);
  return fused_norm_and_input(x, norm);
}

}  // namespace

NormAndInput norm_and_input(const BatchNorm& bn, const at::Tensor& x, Pass pass, FuseNorm fuse) {
  if (const auto both = fused(bn, x, nullptr, nullptr, pass, fuse)) return *both;
  return {bn(x, pass), x};
}

at::Tensor norm_then(const BatchNorm& bn, const at::Tensor& x, const PReLU* prelu, const at::Tensor* residual,
                     Pass pass, FuseNorm fuse) {
  if (const auto both = fused(bn, x, prelu, residual, pass, fuse)) return both->y;
  at::Tensor y = bn(x, pass);
  if (prelu) y = (*prelu)(y);
  return residual ? y.add_(*residual) : y;
}

Linear::Linear(const StateScope& scope, std::int64_t in, std::int64_t out, bool with_bias, Init init)
    : weight(scope.weight({out, in}, init)) {
  if (with_bias) bias = scope.parameter("bias", {out}, init);
}

Linear::Linear(const StateScope& scope, std::int64_t in, std::int64_t out, Init weight_init, Init bias_init)
    : weight(scope.weight({out, in}, weight_init)), bias(scope.parameter("bias", {out}, bias_init)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight(), bias);
}

SqueezeExcite::SqueezeExcite(const StateScope& scope, std::int64_t channels, std::int64_t reduction,
                             Init init)
    : fc1(scope.child("fc1"), {.in = channels, .out = channels / reduction}, init),
      fc2(scope.child("fc2"), {.in = channels / reduction, .out = channels}, init) {}

at::Tensor SqueezeExcite::operator()(const at::Tensor& x) const {
  return at::mul(x, at::sigmoid(fc2(at::relu(fc1(at::adaptive_avg_pool2d(x, {1, 1}))))));
}

LayeredBackbone::LayeredBackbone(const std::string& precision) {
  if (precision == "fp16") {
    low_precision_ = at::kHalf;
  } else if (precision == "bf16") {
    low_precision_ = at::kBFloat16;
  } else if (precision != "fp32" && precision != "fp64") {
    throw Error(ErrorKind::kConfig,
                "backbone: unknown precision '" + precision + "' (fp16, bf16, fp32, fp64)");
  }
}

void LayeredBackbone::to(at::Device device, at::ScalarType dtype) {
  for (const NamedTensor& entry : state_.tensors) {
    at::Tensor t = entry.tensor;
    const at::ScalarType target = t.is_floating_point() ? dtype : t.scalar_type();
    // BatchNorm's counts of batches stay with the host: on a GPU each would be a kernel for one number.
    const at::Device place = t.is_floating_point() ? device : at::Device(at::kCPU);
    // set_data swaps the contents behind every handle: the layers' and those of state() stay one tensor.
    t.mutable_grad() = at::Tensor();
    t.set_data(t.detach().to(t.options().device(place).dtype(target)));
  }
}

std::optional<at::ScalarType> LayeredBackbone::autocast_dtype(const at::Tensor& images) const {
  const bool unsuited = state_.tensors.front().tensor.scalar_type() == at::kDouble ||
                        (images.is_cpu() && low_precision_ == at::kHalf);
  return unsuited ? std::nullopt : low_precision_;
}

std::optional<at::ScalarType> LayeredBackbone::begin_autocast(const at::Tensor& images) const {
  const auto dtype = autocast_dtype(images);
  cast_weights(state_.cast_weights, dtype);
  return dtype;
}

at::Tensor LayeredBackbone::prepare(const at::Tensor& images) const {
  if (autocast_dtype(images)) return channels_last(images);
  return channels_last(images.to(state_.tensors.front().tensor.scalar_type()));
}

}  // namespace facetrain
