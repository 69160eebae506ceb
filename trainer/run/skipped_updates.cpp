#include "trainer/run/skipped_updates.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "trainer/comm/gather_numbers.hpp"

namespace facetrain {
namespace {

// BatchNorm's means and variances.
std::vector<at::Tensor> statistics_of(const Backbone& backbone) {
  std::vector<at::Tensor> found;
  for (const NamedTensor& entry : backbone.state())
    if (entry.is_buffer && entry.tensor.is_floating_point()) found.push_back(entry.tensor);
  return found;
}

// A copy of them, one behind the other; undefined without any.
at::Tensor flat(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> views;
  for (const at::Tensor& tensor : tensors) views.push_back(tensor.reshape({-1}));
  return views.empty() ? at::Tensor() : at::cat(views);
}

std::string listed(const std::vector<int>& ranks) {
  std::string text;
  for (const int rank : ranks) text += (text.empty() ? "" : ", ") + std::to_string(rank);
  return text;
}

// Rows of gather_numbers() where this column is not finite.
std::vector<int> not_finite(const at::Tensor& all, std::int64_t column) {
  std::vector<int> ranks;
  for (std::int64_t rank = 0; rank < all.size(0); ++rank)
    if (!std::isfinite(all.const_data_ptr<double>()[rank * all.size(1) + column]))
      ranks.push_back(static_cast<int>(rank));
  return ranks;
}

}  // namespace

SkippedUpdates::SkippedUpdates(Rule rule, Backbone& backbone, LossScale* loss_scale, Communicator& trainers,
                               at::Device device, std::function<void(const std::string&)> say)
    : rule_(std::move(rule)),
      backbone_(backbone),
      loss_scale_(loss_scale),
      trainers_(trainers),
      device_(device),
      say_(std::move(say)),
      good_(flat(statistics_of(backbone))) {}

void SkippedUpdates::after(TraceStep step, const StepResult& result) {
  pending_.push_back({std::move(step), ScalarCopy(result.skipped), ScalarCopy(result.loss),
                      ScalarCopy(result.grad_norm), ScalarCopy(result.largest),
                      flat(statistics_of(backbone_))});
  if (pending_.size() > rule_.lag) look_at_first();
}

void SkippedUpdates::drain() {
  while (!pending_.empty()) look_at_first();
}

void SkippedUpdates::look_at_first() {
  const Pending update = std::move(pending_.front());
  pending_.pop_front();
  if (update.skipped.value() != 0) return judge(update);
  in_a_row_ = 0;
  good_ = update.statistics;
}

void SkippedUpdates::judge(const Pending& update) {
  TraceStep step = update.step;
  step.loss = update.loss.value();
  step.grad_norm = update.grad_norm.value();
  // Each rank's ids, then its loss, gradient norm and largest embedding value.
  std::vector<double> own(step.ids.begin(), step.ids.end());
  own.insert(own.end(), {step.loss, step.grad_norm, update.largest.value()});
  const at::Tensor all = gather_numbers(own, trainers_, device_);
  const std::int64_t loss = all.size(1) - 3, largest = all.size(1) - 1;
  if (loss_scale_ != nullptr && not_finite(all, loss).empty()) {
    if (loss_scale_->value().item<double>() < rule_.least_scale)
      throw Error(ErrorKind::kInternal,
                  "the loss scale fell below " + std::to_string(rule_.least_scale) + " by update " +
                      std::to_string(step.step) +
                      ": the gradients overflow float16 all the same; lower train.lr, or set "
                      "train.precision = \"bf16\"");
    mend_statistics();
    return;  // the scale is halved: the usual course of float16
  }
  ++in_a_row_;
  note(step, all);
  mend_statistics();
  const std::vector<int> ranks = not_finite(all, largest);
  say_("WARNING: update " + std::to_string(step.step) +
       " was skipped: loss or gradients are NaN or infinite" +
       (ranks.empty() ? std::string() : ", the embeddings too of trainer " + listed(ranks)) +
       "; its samples are in " + rule_.path);
  if (in_a_row_ >= rule_.limit)
    throw Error(
        ErrorKind::kInternal,
        std::to_string(in_a_row_) + " updates in a row, up to " + std::to_string(step.step) +
            ", had a loss or gradients that are NaN or infinite (train.nonfinite_steps); their samples "
            "are in " +
            rule_.path +
            ". Lower train.lr or look at these pictures; the same command goes on from "
            "the last checkpoint");
}

void SkippedUpdates::note(const TraceStep& step, const at::Tensor& all) const {
  if (trainers_.rank() != 0) return;
  const auto ids = static_cast<std::int64_t>(step.ids.size());
  std::string lines;
  for (int rank = 0; rank < trainers_.size(); ++rank) {
    const double* row = all.const_data_ptr<double>() + rank * all.size(1);
    lines += trace_line({step.step, {row, row + ids}, row[ids], row[ids + 1], step.lr}, rank);
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(rule_.path.c_str(), "ae"),
                                                             &std::fclose);
  if (!file || std::fwrite(lines.data(), 1, lines.size(), file.get()) != lines.size() ||
      std::fflush(file.get()) != 0)
    throw Error(ErrorKind::kIo, with_errno("write " + rule_.path, errno));
}

// The weights are as they were, but a picture that was no number went into the running means of its rank's
// BatchNorm layers, where it would stay for ever: they become what they were after the last update that was
// made.
void SkippedUpdates::mend_statistics() {
  std::vector<at::Tensor> statistics = statistics_of(backbone_);
  if (statistics.empty() || at::isfinite(flat(statistics)).all().item<bool>()) return;
  std::int64_t at = 0;
  for (at::Tensor& tensor : statistics) {
    tensor.copy_(good_.narrow(0, at, tensor.numel()).view(tensor.sizes()));
    at += tensor.numel();
  }
  for (Pending& later : pending_) later.statistics = good_;  // spoilt too
}

}  // namespace facetrain
