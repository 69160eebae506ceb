#include "trainer/head/rank_sums.hpp"

#include <ATen/ATen.h>

#include "trainer/head/kept_communicator.hpp"

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SumGradient : torch::autograd::Function<SumGradient> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& parameter, Communicator* trainers) {
    keep_communicator(context, trainers);
    return parameter.clone();
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor sum = gradients[0].contiguous().clone();
    kept_communicator(context).all_reduce(sum, ReduceOp::kSum);
    return {sum, at::Tensor()};
  }
};

}  // namespace

at::Tensor sum_over_ranks(const at::Tensor& part, Communicator& trainers) {
  const at::Tensor own = part.detach();
  const at::Tensor sum = own.clone();
  trainers.all_reduce(sum, ReduceOp::kSum);
  return sum + (part - own);
}

at::Tensor alike_on_ranks(const at::Tensor& value, Communicator& trainers) {
  const at::Tensor fixed = value.detach();
  return fixed + (value - fixed) / trainers.size();
}

at::Tensor alike_parameter(const at::Tensor& parameter, Communicator& trainers) {
  return SumGradient::apply(parameter, &trainers);
}

}  // namespace facetrain
