#include "trainer/head/rank_sums.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SumGradient : torch::autograd::Function<SumGradient> {
  // A context keeps values, not references: the communicator's address travels as a number.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& parameter, Communicator* trainers) {
    context->saved_data["trainers"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(trainers));
    return parameter.clone();
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    auto& trainers =
        *reinterpret_cast<Communicator*>(static_cast<std::intptr_t>(context->saved_data["trainers"].toInt()));
    const at::Tensor sum = gradients[0].contiguous().clone();
    trainers.all_reduce(sum, ReduceOp::kSum);
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
