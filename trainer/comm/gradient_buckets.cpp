#include "trainer/comm/gradient_buckets.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <optional>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::int64_t kAlign = 64;  // bytes; vector units and GPU loads like gradients that start there

std::int64_t padded(std::int64_t elements, std::int64_t element_size) {
  const std::int64_t step = kAlign / element_size;
  return (elements + step - 1) / step * step;
}

bool same_kind(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.device() == b.device();
}

// Whether equal sizes lie in memory alike; strides of a dimension of 1, which 1 x 1 convolutions have, say
// nothing.
bool lie_alike(const at::Tensor& a, const at::Tensor& b) {
  for (std::int64_t d = 0; d < a.dim(); ++d)
    if (a.size(d) > 1 && a.stride(d) != b.stride(d)) return false;
  return true;
}

// In which type a parameter's gradient may come; nullopt: in any. A LibTorch that has no such setting hands
// it on in the parameter's own.
template <typename T>
void set_gradient_type(const T& parameter, std::optional<at::ScalarType> type) {
  if constexpr (requires { parameter.set_grad_dtype(type); }) parameter.set_grad_dtype(type);
}

}  // namespace

// Takes a parameter's gradient; autograd is left with none, so that it neither adds it up by itself, a kernel
// for each parameter, nor asks for zeroes to add it to.
class GradientBuckets::Arrival final : public torch::autograd::FunctionPreHook {
 public:
  Arrival(GradientBuckets& buckets, Slot& slot) : buckets_(buckets), slot_(slot) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& gradients) override {
    buckets_.arrived(slot_, gradients.front());
    return {at::Tensor()};
  }

 private:
  GradientBuckets& buckets_;
  Slot& slot_;
};

GradientBuckets::GradientBuckets(std::vector<at::Tensor> parameters, Communicator& trainers,
                                 std::size_t bucket_bytes, at::ScalarType wire,
                                 const std::vector<bool>& weight_decay)
    : trainers_(trainers), wire_(wire) {
  const at::NoGradGuard no_grad;
  std::vector<Slot*> members;
  std::size_t bytes = 0;
  const auto close = [&] {
    if (members.empty()) return;
    std::stable_partition(members.begin(), members.end(), [&](const Slot* slot) {
      return weight_decay.empty() || weight_decay[slot->index];
    });
    add_bucket(members);
    members.clear();
    bytes = 0;
  };
  for (std::size_t i = parameters.size(); i-- > 0;) {
    at::Tensor& parameter = parameters[i];
    if (!parameter.requires_grad()) continue;
    if (!parameter.is_leaf() || !parameter.is_non_overlapping_and_dense()) {
      throw Error(ErrorKind::kInternal,
                  "GradientBuckets: parameter " + std::to_string(i) + " is not a dense leaf tensor");
    }
    const std::size_t needs = parameter.nbytes();
    if (!members.empty() &&
        (bytes + needs > bucket_bytes || !same_kind(members.back()->parameter, parameter)))
      close();
    auto& slot = slots_.emplace_back(std::make_unique<Slot>());
    slot->index = i;
    slot->parameter = parameter;
    slot->bucket = buckets_.size();
    members.push_back(slot.get());
    bytes += needs;
  }
  close();
  missing_.resize(buckets_.size());
  uncollected_.resize(buckets_.size());
  for (auto& slot : slots_) {
    set_gradient_type(slot->parameter, std::nullopt);  // collect() casts many at once
    slot->accumulator = torch::autograd::impl::grad_accumulator(slot->parameter);
    auto hook = std::make_unique<Arrival>(*this, *slot);
    slot->hook = hook.get();
    slot->accumulator->add_pre_hook(std::move(hook));
  }
  begin_step();
}

GradientBuckets::~GradientBuckets() {
  for (auto& slot : slots_) {
    std::erase_if(slot->accumulator->pre_hooks(), [&](const auto& hook) { return hook.get() == slot->hook; });
    slot->parameter.mutable_grad() = at::Tensor();
    set_gradient_type(slot->parameter, slot->parameter.scalar_type());
  }
}

void GradientBuckets::add_bucket(std::span<Slot*> members) {
  GradientBucket& bucket = buckets_.emplace_back();
  members_.emplace_back(members.begin(), members.end());
  std::int64_t total = 0, filled = 0;
  for (const Slot* slot : members) {
    filled += slot->parameter.numel();
    bucket.parameters.push_back(slot->index);
    bucket.offsets.push_back(total);
    total += padded(slot->parameter.numel(), slot->parameter.element_size());
  }
  bucket.has_gaps = filled < total;
  const at::TensorOptions options =
      members.front()->parameter.options().requires_grad(false).memory_format({});
  bucket.flat = at::zeros({total}, options);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const at::Tensor& parameter = members[i]->parameter;
    members[i]->gradient = bucket.flat.as_strided(parameter.sizes(), parameter.strides(), bucket.offsets[i]);
  }
  Flight& flight = flights_.emplace_back();
  if (trainers_.size() == 1) return;
  const bool half = wire_ == at::kHalf || wire_ == at::kBFloat16;
  flight.wire = half ? at::empty({total}, options.dtype(wire_)) : bucket.flat;
}

std::vector<at::Tensor> GradientBuckets::flats() const {
  std::vector<at::Tensor> all;
  for (const GradientBucket& bucket : buckets_) all.push_back(bucket.flat);
  return all;
}

void GradientBuckets::begin_step(int backwards) {
  wait_all();  // only after a step that an exception left half-way
  const at::NoGradGuard no_grad;
  launched_ = 0;
  std::fill(missing_.begin(), missing_.end(), 0);
  std::fill(uncollected_.begin(), uncollected_.end(), 0);
  // The parameters' parts are written anew; a factor that was no number may have spoilt what lies between
  // them.
  for (GradientBucket& bucket : buckets_)
    if (bucket.has_gaps) bucket.flat.zero_();
  for (auto& slot : slots_) {
    slot->parameter.mutable_grad() = slot->gradient;  // somebody may have put another tensor there
    slot->missing = backwards;
    slot->delivered = at::Tensor();
    slot->filled = false;
    missing_[slot->bucket] += static_cast<std::size_t>(backwards);
  }
}

void GradientBuckets::arrived(Slot& slot, const at::Tensor& gradient) {
  if (slot.missing == 0) {
    throw Error(ErrorKind::kInternal,
                "a gradient arrived after its exchange: more backward passes than begin_step was told of");
  }
  if (!slot.parameter.grad().is_same(slot.gradient)) {
    throw Error(ErrorKind::kInternal, "a parameter's .grad was replaced between begin_step and backward");
  }
  if (slot.delivered.defined()) collect(slot.bucket);  // a pass before did not reach all of the bucket
  if (gradient.defined()) {
    slot.delivered = gradient;
    ++uncollected_[slot.bucket];
  }
  --slot.missing;
  --missing_[slot.bucket];
  if (uncollected_[slot.bucket] == members_[slot.bucket].size()) collect(slot.bucket);
  launch_ready();
}

// What was delivered goes to its place, by one kernel for as many as lie as their place does and have one
// type.
void GradientBuckets::collect(std::size_t bucket) {
  const at::NoGradGuard no_grad;
  struct Pass {
    bool first;
    at::ScalarType type;
    std::vector<at::Tensor> places, gradients;
  };
  std::vector<Pass> passes;
  for (Slot* slot : members_[bucket]) {
    if (!slot->delivered.defined()) continue;
    const at::Tensor gradient = std::move(slot->delivered);
    slot->delivered = at::Tensor();
    const bool first = !slot->filled;
    slot->filled = true;
    if (!lie_alike(gradient, slot->gradient) || gradient.device() != slot->gradient.device()) {
      first ? slot->gradient.copy_(gradient) : slot->gradient.add_(gradient);
      continue;
    }
    const at::ScalarType type = gradient.scalar_type();
    auto pass = std::find_if(passes.begin(), passes.end(),
                             [&](const Pass& of) { return of.first == first && of.type == type; });
    if (pass == passes.end()) pass = passes.insert(pass, {first, type, {}, {}});
    pass->places.push_back(slot->gradient);
    pass->gradients.push_back(gradient.as_strided(gradient.sizes(), slot->gradient.strides()));
  }
  uncollected_[bucket] = 0;
  for (const Pass& pass : passes)
    pass.first ? at::_foreach_copy_(pass.places, pass.gradients)
               : at::_foreach_add_(pass.places, pass.gradients);
}

void GradientBuckets::launch_ready() {
  while (launched_ < buckets_.size() && missing_[launched_] == 0) launch(launched_);
}

void GradientBuckets::launch(std::size_t bucket) {
  launched_ = bucket + 1;
  const at::NoGradGuard no_grad;
  collect(bucket);
  for (Slot* slot : members_[bucket])
    if (!slot->filled) slot->gradient.zero_();
  if (trainers_.size() == 1) return;
  Flight& flight = flights_[bucket];
  const at::Tensor& flat = buckets_[bucket].flat;
  if (!flight.wire.is_same(flat)) flight.wire.copy_(flat).div_(trainers_.size());
  flight.work = trainers_.all_reduce_async(flight.wire, ReduceOp::kSum);
}

void GradientBuckets::finish() {
  for (auto& slot : slots_) slot->missing = 0;
  while (launched_ < buckets_.size()) launch(launched_);
  if (trainers_.size() == 1) return;
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    flights_[i].work.wait();
    at::Tensor& flat = buckets_[i].flat;
    if (flights_[i].wire.is_same(flat)) {
      flat.div_(trainers_.size());
    } else {
      flat.copy_(flights_[i].wire);
    }
  }
}

void GradientBuckets::wait_all() {
  for (Flight& flight : flights_) flight.work.wait();
}

}  // namespace facetrain
