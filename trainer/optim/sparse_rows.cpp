#include "trainer/optim/sparse_rows.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::int64_t kRowsAtOnce = 65536;  // in catch_up(): bounds its temporary memory

at::Tensor identity(const at::TensorOptions& options) {
  return at::eye(2, options);
}

}  // namespace

SparseRows::SparseRows(at::Tensor rows, std::int64_t history)
    : rows_(std::move(rows)),
      velocity_(at::zeros_like(rows_)),
      mark_(at::zeros({rows_.size(0)}, rows_.options().dtype(at::kLong))),
      missed_(at::zeros({2, 2, history}, velocity_.options().dtype(at::kDouble))),
      last_mark_(at::zeros({}, at::kLong)) {
  missed_.select(2, 0).copy_(identity(missed_.options()));
}

SparseRows::Rows SparseRows::current(const at::Tensor& indices) const {
  const at::Tensor p = rows_.index_select(0, indices), v = velocity_.index_select(0, indices);
  const at::Tensor missed = missed_.index_select(2, mark_.index_select(0, indices));
  const auto factor = [&](int to, int from, double less) {
    return missed.select(0, to).select(0, from).sub(less).to(p.scalar_type()).unsqueeze(1);
  };
  // p as p plus a change: its factor is near 1, and the difference from 1 is what float32 has to keep.
  return {p + (factor(1, 0, 0) * v + factor(1, 1, 1) * p), factor(0, 0, 0) * v + factor(0, 1, 0) * p};
}

at::Tensor SparseRows::take(const at::Tensor& indices) {
  const at::NoGradGuard no_grad;
  indices_ = indices;
  Rows rows = current(indices);
  taken_velocity_ = std::move(rows.velocities);
  taken_ = std::move(rows.values).set_requires_grad(true);
  return taken_;
}

void SparseRows::step(double lr, double momentum, double weight_decay, const at::Tensor& overflow,
                      const at::Tensor& unscale) {
  const at::NoGradGuard no_grad;
  if (!taken_.defined()) throw Error(ErrorKind::kInternal, "SGD: no rows were taken for this step");
  if (taken_.numel() > 0) {
    if (!taken_.grad().defined()) throw Error(ErrorKind::kInternal, "SGD: the taken rows have no gradient");
    // As in Sgd::step: with momentum 0 the kernel wants no velocities.
    std::vector<at::Tensor> velocities;
    if (momentum != 0) velocities.push_back(taken_velocity_);
    at::Tensor gradient = taken_.grad().contiguous();
    if (unscale.defined()) gradient = gradient.mul(unscale);
    at::_fused_sgd_({taken_}, {gradient}, velocities, weight_decay, momentum, lr,
                    /*dampening=*/0, /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false,
                    /*grad_scale=*/{}, overflow.defined() ? std::optional(overflow) : std::nullopt);
  }
  if (last_mark() + 1 == missed_.size(2)) catch_up();
  remember_step(lr, momentum, weight_decay, overflow);
  rows_.index_copy_(0, indices_, taken_);
  velocity_.index_copy_(0, indices_, taken_velocity_);
  mark_.index_fill_(0, indices_, last_mark());
  taken_ = taken_velocity_ = indices_ = at::Tensor();
}

// Multiplies every product by this step's A and sets a new mark. A step that an overflow skipped changes no
// product, decided on the device; A's elements travel as scalars, since copying them would wait for the
// device.
void SparseRows::remember_step(double lr, double momentum, double weight_decay, const at::Tensor& overflow) {
  const at::Tensor v = missed_[0], p = missed_[1];
  const at::Tensor updated =
      at::stack({v * momentum + p * weight_decay, v * (-lr * momentum) + p * (1 - lr * weight_decay)});
  missed_.copy_(overflow.defined() ? at::where(overflow.ne(0), missed_, updated) : updated);
  missed_.select(2, ++last_mark()).copy_(identity(missed_.options()));
}

void SparseRows::catch_up() {
  if (last_mark() == 0) return;
  const at::NoGradGuard no_grad;
  for (std::int64_t first = 0; first < rows_.size(0); first += kRowsAtOnce) {
    const std::int64_t count = std::min(kRowsAtOnce, rows_.size(0) - first);
    const Rows rows = current(at::arange(first, first + count, mark_.options()));
    rows_.narrow(0, first, count).copy_(rows.values);
    velocity_.narrow(0, first, count).copy_(rows.velocities);
  }
  mark_.zero_();
  missed_.zero_();
  missed_.select(2, 0).copy_(identity(missed_.options()));
  last_mark() = 0;
}

const at::Tensor& SparseRows::velocity() {
  catch_up();
  return velocity_;
}

}  // namespace facetrain
