#include "trainer/head/distributed_softmax.hpp"

#include <ATen/ATen.h>

#include <limits>

#include "trainer/head/kept_communicator.hpp"

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// -log(1e-30): the reference bounds the probability of the true class from below by 1e-30.
constexpr double kLargestLoss = 69.07755278982137;

struct GatherEmbeddings : torch::autograd::Function<GatherEmbeddings> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& embeddings, Communicator* trainers) {
    keep_communicator(context, trainers);
    at::Tensor all =
        at::empty({trainers->size() * embeddings.size(0), embeddings.size(1)}, embeddings.options());
    trainers->all_gather(all, embeddings.contiguous());
    return all;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    Communicator& trainers = kept_communicator(context);
    const at::Tensor all = gradients[0].contiguous();
    at::Tensor own = at::empty({all.size(0) / trainers.size(), all.size(1)}, all.options());
    trainers.reduce_scatter(own, all);
    return {own.mul_(trainers.size()), at::Tensor()};
  }
};

// (N) largest logit of each row over all ranks; a rank without classes has nothing to say.
at::Tensor row_maxima(const at::Tensor& logits, Communicator& trainers) {
  at::Tensor maxima =
      logits.size(1) == 0
          ? at::full({logits.size(0)}, -std::numeric_limits<double>::infinity(), logits.options())
          : std::get<0>(logits.max(1));
  trainers.all_reduce(maxima, ReduceOp::kMax);
  return maxima;
}

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits, const at::Tensor& labels,
                            Communicator* trainers) {
    const std::int64_t rows = logits.size(0);
    const at::Tensor own = labels.ge(0);
    const at::Tensor column = labels.clamp_min(0).unsqueeze(1);
    at::Tensor shifted = logits - row_maxima(logits, *trainers).unsqueeze(1);
    // Row 0: the sum of exponentials, row 1: the true logit; one collective for both.
    at::Tensor sums = at::zeros({2, rows}, logits.options());
    if (logits.size(1) > 0) sums[1].copy_(at::where(own, shifted.gather(1, column).squeeze(1), sums[1]));
    at::Tensor probabilities = shifted.exp_();
    sums[0].copy_(probabilities.sum(1));
    trainers->all_reduce(sums, ReduceOp::kSum);
    probabilities.div_(sums[0].unsqueeze(1));
    context->save_for_backward({probabilities, labels});
    return (sums[0].log() - sums[1]).clamp_max_(kLargestLoss).mean();
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &probabilities = saved[0], &labels = saved[1];
    const at::Tensor scale = gradients[0] / probabilities.size(0);
    at::Tensor gradient = probabilities * scale;
    if (gradient.size(1) > 0) {
      const at::Tensor hit = labels.ge(0).to(gradient.scalar_type()).mul_(-scale).unsqueeze(1);
      gradient.scatter_add_(1, labels.clamp_min(0).unsqueeze(1), hit);
    }
    return {gradient, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor gather_embeddings(const at::Tensor& embeddings, Communicator& trainers) {
  return GatherEmbeddings::apply(embeddings, &trainers);
}

at::Tensor distributed_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                     Communicator& trainers) {
  return CrossEntropy::apply(logits, labels, &trainers);
}

}  // namespace facetrain
