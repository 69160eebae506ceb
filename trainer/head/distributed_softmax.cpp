#include "trainer/head/distributed_softmax.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "common/error.hpp"
#include "trainer/head/head_rows.hpp"
#include "trainer/head/kept_communicator.hpp"
#include "trainer/head/softmax_passes.hpp"

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// -log(1e-30): the reference bounds the probability of the true class from below by 1e-30.
constexpr double kLargestLoss = 69.07755278982137;
// exp(64) times 10^10 classes is below float32's largest number; in float64 there is room for more.
constexpr double kLargestExponent = 64, kLargestDoubleExponent = 600;

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
    return {trainers.size() == 1 ? own : own.mul_(trainers.size()), at::Tensor()};
  }
};

std::int64_t address_of(const at::Tensor& tensor) {
  return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(tensor.const_data_ptr()));
}

struct SplitTrueClass : torch::autograd::Function<SplitTrueClass> {
  static variable_list forward(AutogradContext* context, const at::Tensor& values, const at::Tensor& columns,
                               std::int64_t type) {
    context->set_materialize_grads(false);
    context->save_for_backward({columns});
    context->saved_data["address"] = address_of(values);
    context->saved_data["classes"] = values.size(1);
    context->saved_data["type"] = static_cast<std::int64_t>(values.scalar_type());
    return {values.detach(), true_class_values(values, columns, static_cast<at::ScalarType>(type))};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    at::Tensor all = gradients[0];
    const at::Tensor& target = gradients[1];
    const std::int64_t classes = context->saved_data["classes"].toInt();
    if (!target.defined() || classes == 0) return {all, at::Tensor(), at::Tensor()};
    const at::Tensor columns = context->get_saved_variables()[0];
    const auto type = static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    if (!all.defined())
      all = at::zeros({target.size(0), classes}, target.options().dtype(type));
    else if (address_of(all) != context->saved_data["address"].toInt())
      all = all.clone(at::MemoryFormat::Contiguous);  // a gradient that others may hold too; the softmax's
                                                      // own lies where the values did
    add_to_true_class(all, columns, target.contiguous());
    return {all, at::Tensor(), at::Tensor()};
  }
};

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& values, const at::Tensor& target,
                            const at::Tensor& columns, double scale, double bound, double shift,
                            Communicator* trainers) {
    const LogitRule rule{scale, bound, shift};
    // Row 0: the sum of exponentials, row 1: the true logit; one collective for both.
    const RowSums of = row_sums(softmax_sums(values, columns, rule), target.contiguous(), columns, rule);
    trainers->all_reduce(of.sums, ReduceOp::kSum);
    context->save_for_backward({values, columns, of.sums, of.exponential});
    context->saved_data["rule"] = std::vector<double>{scale, bound, shift};
    context->saved_data["type"] = static_cast<std::int64_t>(target.scalar_type());
    context->saved_data["written"] = false;
    return mean_loss(of.sums, shift, kLargestLoss, target.scalar_type());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    if (context->saved_data["written"].toBool())
      throw Error(ErrorKind::kInternal,
                  "the softmax's gradient was written over its logits: backward runs once");
    context->saved_data["written"] = true;
    const variable_list saved = context->get_saved_variables();
    const at::Tensor values = saved[0].detach(), &columns = saved[1];
    const std::vector<double> rule = context->saved_data["rule"].toDoubleVector();
    const RowGradients of = row_gradients(gradients[0], {saved[2], saved[3]}, columns, rule[0],
                                          static_cast<at::ScalarType>(context->saved_data["type"].toInt()));
    softmax_gradient(values, columns, {rule[0], rule[1], rule[2]}, of.factors);
    return {values, of.target, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor gather_embeddings(const at::Tensor& embeddings, Communicator& trainers) {
  return GatherEmbeddings::apply(embeddings, &trainers);
}

SplitValues split_true_class(const at::Tensor& values, const at::Tensor& columns, at::ScalarType type) {
  const variable_list both = SplitTrueClass::apply(values, columns, static_cast<std::int64_t>(type));
  return {both[0], both[1]};
}

double softmax_shift(double bound, at::ScalarType type) {
  return std::max(0.0, bound - (type == at::kDouble ? kLargestDoubleExponent : kLargestExponent));
}

at::Tensor distributed_cross_entropy(const at::Tensor& values, const at::Tensor& target,
                                     const at::Tensor& columns, const LogitRule& rule,
                                     Communicator& trainers) {
  return CrossEntropy::apply(values.contiguous(), target, columns, rule.scale, rule.bound, rule.shift,
                             &trainers);
}

at::Tensor distributed_cross_entropy(const at::Tensor& logits, const at::Tensor& columns, double bound,
                                     Communicator& trainers) {
  const at::ScalarType type = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const SplitValues split = split_true_class(logits.contiguous(), columns, type);
  LogitRule rule;
  rule.shift = softmax_shift(bound, type);
  return distributed_cross_entropy(split.all, split.target, columns, rule, trainers);
}

}  // namespace facetrain
