// The few layers our networks are made of: plain structs that hold handles to named tensors and call ATen
// functions. No torch::nn (its headers cost half a minute of compile time per file). Names, order, defaults
// and initial distributions are torch.nn's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainer/backbones/autocast.hpp"
#include "trainer/backbones/backbone.hpp"

namespace facetrain {

// How a parameter's first values are drawn: from the run's seed and the parameter's index alone, so equal on
// every rank.
struct Init {
  enum class Kind { kConstant, kNormal, kUniform } kind = Kind::kConstant;
  double value = 0;  // the constant, the normal's standard deviation (mean 0), or b of the uniform [-b, b)
};
constexpr Init constant(double value) {
  return {Init::Kind::kConstant, value};
}
constexpr Init normal(double stddev) {
  return {Init::Kind::kNormal, stddev};
}
constexpr Init uniform(double bound) {
  return {Init::Kind::kUniform, bound};
}

// What a forward pass is for. kRecompute: the second forward pass of a checkpointed block (checkpoint.hpp):
// as kTrain, but running statistics have been updated already.
enum class Pass { kEvaluate, kTrain, kRecompute };

// What the layers of a network consist of.
struct NetworkState {
  std::vector<NamedTensor> tensors;
  std::vector<Weight> cast_weights;  // of the layers that compute under autocast
};

// Appends parameters and buffers to a network's state under a dotted prefix; child("layer1").child("0") goes
// down as torch.nn's names do.
class StateScope {
 public:
  StateScope(NetworkState& state, std::uint64_t seed) : state_(&state), seed_(seed) {}
  StateScope child(const std::string& name) const;
  StateScope child(std::int64_t index) const { return child(std::to_string(index)); }
  // For layers that are called in an AutocastRegion, and only there.
  StateScope autocast() const;

  // A float32 leaf; 4-dimensional ones are channels_last. Trainable ones require a gradient.
  at::Tensor parameter(const std::string& name, at::IntArrayRef sizes, Init init, bool weight_decay = true,
                       bool trainable = true) const;
  Weight weight(at::IntArrayRef sizes, Init init) const;  // the parameter "weight"
  at::Tensor buffer(const std::string& name, at::Tensor value) const;
  // The trained parameters appended so far below this prefix.
  std::vector<at::Tensor> trainable() const;

 private:
  NetworkState* state_;
  std::uint64_t seed_;
  std::string prefix_;
  bool autocast_ = false;
};

// Padding: kernel / 2 unless given. Few of our convolutions have a bias (drawn as the weight is).
struct ConvShape {
  std::int64_t in, out, kernel = 1, stride = 1, groups = 1, padding = -1;
  bool bias = false;
};
struct Conv2d {
  Conv2d(const StateScope& scope, const ConvShape& shape, Init init);
  at::Tensor operator()(const at::Tensor& x) const;
  Weight weight;
  std::optional<at::Tensor> bias;
  std::int64_t stride, padding, groups;
};

// 1d and 2d: momentum .1, running statistics. kTrain updates them and counts the batch.
struct BatchNorm {
  BatchNorm(const StateScope& scope, std::int64_t channels, bool trainable_weight = true, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x, Pass pass) const;
  at::Tensor weight, bias, running_mean, running_var, batches;
  double eps;
};

// Over the last dimension: eps 1e-5. With weight decay, as the reference (only BatchNorm is without).
struct LayerNorm {
  LayerNorm(const StateScope& scope, std::int64_t size);
  at::Tensor operator()(const at::Tensor& x) const;
  at::Tensor weight, bias;
};

struct PReLU {
  PReLU(const StateScope& scope, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;
  at::Tensor weight;
};

// Where a batch's normalisation and what follows it are one pass over memory (fused_norm.hpp). On a CPU its
// rounding is not that of LibTorch's operators, and so of the reference's: kAuto leaves those there.
enum class FuseNorm { kAuto, kOn, kOff };
FuseNorm fuse_norm_of(const std::string& word);  // auto, on, off (model.fused_norm)

// prelu(bn(x)) + residual; null: without. In training one pass where `fuse` wants it, fused_norm() takes x
// and the numbers are not float64; else LibTorch's operators.
at::Tensor norm_then(const BatchNorm& bn, const at::Tensor& x, const PReLU* prelu, const at::Tensor* residual,
                     Pass pass, FuseNorm fuse);

// bn(x), and x for a shortcut: where the pass is fused, the gradient of that x joins it.
struct NormAndInput;
NormAndInput norm_and_input(const BatchNorm& bn, const at::Tensor& x, Pass pass, FuseNorm fuse);

struct Linear {
  // weight (out, in), then bias where wanted, both drawn by `init`; torch's default is uniform(1 / sqrt(in)).
  Linear(const StateScope& scope, std::int64_t in, std::int64_t out, bool with_bias, Init init);
  Linear(const StateScope& scope, std::int64_t in, std::int64_t out, Init weight_init, Init bias_init);
  at::Tensor operator()(const at::Tensor& x) const;
  Weight weight;
  std::optional<at::Tensor> bias;
};

// Squeeze and excitation (Hu et al., 2018) with 1 x 1 convolutions: x * sigmoid(fc2(relu(fc1(mean(x))))).
struct SqueezeExcite {
  SqueezeExcite(const StateScope& scope, std::int64_t channels, std::int64_t reduction, Init init);
  at::Tensor operator()(const at::Tensor& x) const;
  Conv2d fc1, fc2;
};

// What every backbone of ours shares: the state list, the mode, moving, and how input meets the precision.
class LayeredBackbone : public Backbone {
 public:
  const std::vector<NamedTensor>& state() const override { return state_.tensors; }
  void train(bool on) override { training_ = on; }
  void to(at::Device device, at::ScalarType dtype) override;

 protected:
  explicit LayeredBackbone(const std::string& precision);
  // The dtype to autocast to for these images; none on a CPU with fp16, in a float64 network, or with fp32.
  std::optional<at::ScalarType> autocast_dtype(const at::Tensor& images) const;
  // The same at the beginning of a forward pass, which gets its weights in it.
  std::optional<at::ScalarType> begin_autocast(const at::Tensor& images) const;
  Pass pass() const { return training_ ? Pass::kTrain : Pass::kEvaluate; }
  // Images as the first convolution wants them: channels_last, and the parameters' dtype unless autocast will
  // choose.
  at::Tensor prepare(const at::Tensor& images) const;

  NetworkState state_;
  bool training_ = true;

 private:
  std::optional<at::ScalarType> low_precision_;
};

}  // namespace facetrain
