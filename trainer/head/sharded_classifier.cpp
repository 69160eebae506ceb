#include "trainer/head/sharded_classifier.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <span>
#include <string>

#include "common/error.hpp"
#include "common/plan/philox.hpp"
#include "trainer/head/class_sample.hpp"
#include "trainer/head/distributed_softmax.hpp"
#include "trainer/head/head_rows.hpp"
#include "trainer/head/unit_rows.hpp"

namespace facetrain {
namespace {

constexpr double kInitialDeviation = 0.01;

at::Tensor initial_centres(const ClassifierSpec& spec, const ClassShard& shard) {
  at::Tensor centres = at::empty({shard.count, spec.embedding_size}, at::kDouble);
  double* values = centres.mutable_data_ptr<double>();
  at::parallel_for(0, shard.count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      RandomStream stream(spec.seed, Purpose::kHeadInit, 0, static_cast<std::uint64_t>(shard.first + row));
      for (std::int64_t i = 0; i < spec.embedding_size; ++i)
        values[row * spec.embedding_size + i] = kInitialDeviation * stream.normal();
    }
  });
  return centres.to(at::TensorOptions(spec.device).dtype(spec.dtype));
}

}  // namespace

void check_labels(const at::Tensor& labels, std::int64_t classes) {
  const at::Tensor dense = labels.contiguous();
  const std::span all(dense.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(dense.numel()));
  const auto wrong =
      std::find_if(all.begin(), all.end(), [&](std::int64_t label) { return label < 0 || label >= classes; });
  if (wrong == all.end()) return;
  const auto row = wrong - all.begin();
  throw Error(ErrorKind::kInput, "label " + std::to_string(*wrong) + " in row " + std::to_string(row) +
                                     " of the global batch: the classifier has classes 0 to " +
                                     std::to_string(classes - 1) +
                                     "; check the training list and data.label_map");
}

ShardedClassifier::ShardedClassifier(const ClassifierSpec& spec, std::unique_ptr<Head> head,
                                     Communicator& trainers)
    : spec_(spec),
      shard_(class_shard(spec.classes, trainers.rank(), trainers.size())),
      head_(std::move(head)),
      trainers_(trainers),
      weight_(initial_centres(spec, shard_)) {
  head_->to(spec.device, spec.dtype);
  if (spec_.sample_rate < 1 && !spec_.dense_momentum) sparse_.emplace(weight_);
  weight_.set_requires_grad(!sparse_);
}

const at::Tensor& ShardedClassifier::weight() {
  if (sparse_) sparse_->catch_up();
  return weight_;
}

std::vector<at::Tensor> ShardedClassifier::parameters() {
  std::vector<at::Tensor> all;
  if (!sparse_) all.push_back(weight_);
  for (const at::Tensor& parameter : head_->parameters()) all.push_back(parameter);
  return all;
}

// (world * B) labels of all ranks, by rank, on the classifier's device.
at::Tensor ShardedClassifier::gather_labels(const at::Tensor& labels) {
  const bool on_cpu = spec_.device.is_cpu();
  if (!on_cpu && labels.is_cpu()) check_labels(labels, spec_.classes);
  const at::Tensor own = labels.to(spec_.device, at::kLong, /*non_blocking=*/true).contiguous();
  at::Tensor all = at::empty({trainers_.size() * own.size(0)}, own.options());
  trainers_.all_gather(all, own);
  if (on_cpu) check_labels(all, spec_.classes);
  return all;
}

// (S) int64: the step's classes, as indices in the shard; labels as gather_labels() returned them.
at::Tensor ShardedClassifier::sample(const at::Tensor& labels, std::uint64_t step) const {
  const at::Tensor known = labels.to(at::kCPU);
  const std::span needed(known.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(known.numel()));
  const std::vector<std::int64_t> classes =
      sample_classes(needed, shard_, spec_.sample_rate, {spec_.seed, static_cast<std::uint32_t>(step)});
  return at::tensor(classes, at::kLong).to(spec_.device);
}

// (S, E)
at::Tensor ShardedClassifier::sampled_centres(const at::Tensor& classes) {
  return sparse_ ? sparse_->take(classes) : weight_.index_select(0, classes);
}

at::Tensor ShardedClassifier::softmax_loss(const at::Tensor& cosines, const HeadOutput& output,
                                           const at::Tensor& columns) {
  if (!output.margin) return distributed_cross_entropy(output.logits, columns, head_->bound(), trainers_);
  const LogitRule rule{kLogitScale, output.margin->bound, softmax_shift(head_->bound(), spec_.dtype)};
  return distributed_cross_entropy(cosines, output.margin->target, columns, rule, trainers_);
}

at::Tensor ShardedClassifier::loss(const at::Tensor& embeddings, const at::Tensor& labels,
                                   std::uint64_t step) {
  const at::Tensor all_labels = gather_labels(labels);
  const at::Tensor all = gather_embeddings(embeddings.to(spec_.dtype), trainers_);

  // On a GPU a head that looks at cosines alone is spared the operators of norms and directions.
  const bool wide = spec_.device.is_cpu() || head_->reads_embeddings();
  const at::Tensor norms = wide ? all.norm(2, {1}, true) : at::Tensor();
  const at::Tensor directions = wide ? all / norms.clamp_min(kSmallestRowNorm) : at::Tensor();
  const bool samples = spec_.sample_rate < 1;
  const at::Tensor sampled = samples ? sample(all_labels, step) : at::Tensor();
  const at::Tensor weight = samples ? sampled_centres(sampled) : weight_;
  const at::Tensor centres = unit_rows(weight, spec_.linear);
  const at::Tensor cosines =
      at::linear(wide ? directions.to(spec_.linear) : unit_rows(all, spec_.linear), centres);

  at::Tensor columns = local_columns(all_labels, shard_.first, shard_.count);
  if (samples) columns = at::where(columns.ge(0), at::searchsorted(sampled, columns), columns);

  const SplitValues split = split_true_class(cosines, columns, spec_.dtype);
  const HeadOutput output =
      head_->forward({split.all, split.target, columns, norms, directions, all_labels, trainers_});
  if (output.loss) return *output.loss;
  const at::Tensor loss = softmax_loss(split.all, output, columns);
  return output.extra ? loss + *output.extra : loss;
}

}  // namespace facetrain
