#include "trainer/validation/evaluate.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/error.hpp"
#include "common/plan/class_shard.hpp"
#include "trainer/log/log_lines.hpp"

namespace facetrain {
namespace {

// While it lives the network runs with rank 0's floating-point buffers; then each rank's own are put back.
// (BatchNorm's integer counter plays no part in evaluation and stays.)
class RootBuffers {
 public:
  RootBuffers(const Backbone& backbone, Communicator& trainers) {
    for (const NamedTensor& entry : backbone.state())
      if (entry.is_buffer && entry.tensor.is_floating_point()) buffers_.push_back(entry.tensor);
    if (buffers_.empty()) return;
    std::vector<at::Tensor> rows;
    for (const at::Tensor& buffer : buffers_) rows.push_back(buffer.reshape({-1}));
    own_ = at::cat(rows);
    at::Tensor root = own_.clone();
    trainers.broadcast(root, 0);
    scatter(root);
  }
  ~RootBuffers() {
    const at::NoGradGuard no_grad;
    scatter(own_);
  }
  RootBuffers(const RootBuffers&) = delete;
  RootBuffers& operator=(const RootBuffers&) = delete;

 private:
  void scatter(const at::Tensor& flat) {
    std::int64_t offset = 0;
    for (at::Tensor& buffer : buffers_) {
      buffer.copy_(flat.narrow(0, offset, buffer.numel()).view_as(buffer));
      offset += buffer.numel();
    }
  }

  std::vector<at::Tensor> buffers_;
  at::Tensor own_;  // flat
};

struct EvalMode {
  Backbone& backbone;
  explicit EvalMode(Backbone& network) : backbone(network) { backbone.train(false); }
  ~EvalMode() { backbone.train(true); }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;
};

// (2 P, E) float32 on the CPU: every rank's contiguous share, gathered. Shares are padded to the largest for
// the gather.
at::Tensor gathered_embeddings(Backbone& backbone, Communicator& trainers, const ValidationSet& set,
                               const ValidationOptions& options) {
  const auto pictures = static_cast<std::int64_t>(set.pictures());
  const int world = trainers.size();
  const ClassShard mine = class_shard(pictures, trainers.rank(), world);
  const std::int64_t longest = class_shard(pictures, 0, world).count;
  // A rank without a picture of its own embeds the first one, so as to know the embedding's length.
  const auto first = static_cast<std::size_t>(mine.count ? mine.first : 0);
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(mine.count, 1));
  at::Tensor own =
      embed_pictures(backbone, set.bytes(first, count), options.fusion, options.batch, options.format)
          .to(at::kFloat);
  at::Tensor padded = at::zeros({longest, own.size(1)}, own.options());
  padded.narrow(0, 0, mine.count).copy_(own.narrow(0, 0, mine.count));
  at::Tensor all = at::empty({longest * world, own.size(1)}, own.options());
  trainers.all_gather(all, padded);
  std::vector<at::Tensor> shares;
  for (int rank = 0; rank < world; ++rank)
    shares.push_back(all.narrow(0, longest * rank, class_shard(pictures, rank, world).count));
  return at::cat(shares).cpu().contiguous();
}

Accuracy measure(const at::Tensor& embeddings, const ValidationSet& set, Metric metric) {
  const auto count = static_cast<std::size_t>(embeddings.numel());
  return verification_accuracy({embeddings.data_ptr<float>(), count},
                               static_cast<std::size_t>(embeddings.size(1)), set.same(), metric);
}

}  // namespace

ValidationResult evaluate(Backbone& backbone, Communicator& trainers, std::span<const ValidationSet> sets,
                          const ValidationOptions& options,
                          const std::function<void(const std::string&)>& say) {
  const at::NoGradGuard no_grad;
  const bool root = trainers.rank() == 0;
  const EvalMode eval_mode(backbone);
  const RootBuffers buffers(backbone, trainers);
  const auto count = static_cast<std::int64_t>(sets.size());
  const at::Tensor like = backbone.state().front().tensor;
  at::Tensor numbers = at::zeros({count, 2}, at::kDouble);  // of rank 0
  if (root) say("Validating...");
  for (std::int64_t i = 0; i < count; ++i) {
    const ValidationSet& set = sets[static_cast<std::size_t>(i)];
    const at::Tensor embeddings = gathered_embeddings(backbone, trainers, set, options);
    if (!root) continue;
    const Accuracy accuracy = measure(embeddings, set, options.metric);
    numbers[i][0] = accuracy.mean;
    numbers[i][1] = accuracy.deviation;
    say(accuracy_line(set.name(), accuracy.mean, accuracy.deviation));
  }
  at::Tensor shared = numbers.to(like.device());
  trainers.broadcast(shared, 0);
  shared = shared.cpu();
  ValidationResult result;
  const double* values = shared.data_ptr<double>();
  for (std::size_t i = 0; i < sets.size(); ++i) {
    result.sets.push_back({sets[i].name(), {values[2 * i], values[2 * i + 1]}});
    result.mean_accuracy += values[2 * i];
  }
  if (!sets.empty()) result.mean_accuracy /= static_cast<double>(sets.size());
  if (root) say(mean_accuracy_line(result.mean_accuracy));
  return result;
}

}  // namespace facetrain
