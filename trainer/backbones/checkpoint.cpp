#include "trainer/backbones/checkpoint.hpp"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <mutex>
#include <utility>

namespace facetrain {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

// Its next edges lead to x, then to the parameters.
class CheckpointNode final : public torch::autograd::Node {
 public:
  CheckpointNode(const at::Tensor& x, const std::vector<at::Tensor>& parameters, const Part& part)
      : x_(x, /*is_output=*/false), parameters_(parameters), part_(part) {
    set_next_edges(torch::autograd::collect_next_edges(x, parameters));
  }

  variable_list apply(variable_list&& gradients) override {
    variable_list result(1 + parameters_.size());
    if (!gradients[0].defined()) return result;
    const c10::AutoGradMode recording(true);
    const at::Tensor x = unpacked();
    variable_list leaves;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (!task_should_compute_output(i)) continue;
      leaves.push_back(i == 0 ? x : parameters_[i - 1]);
      places.push_back(i);
    }
    const at::Tensor y = part_(x, Pass::kRecompute);
    // Gradients for `leaves` are handed back, not added to .grad: the outer graph does that.
    variable_list found = torch::autograd::grad({y}, leaves, {gradients[0]}, false, false, true);
    for (std::size_t i = 0; i < places.size(); ++i) result[places[i]] = std::move(found[i]);
    return result;
  }

  void release_variables() override {
    const std::lock_guard lock(mutex_);
    x_.reset_data();
  }

  std::string name() const override { return "Checkpoint"; }

 private:
  // The input as the beginning of a graph of its own.
  at::Tensor unpacked() {
    const std::lock_guard lock(mutex_);
    const at::Tensor x = x_.unpack();
    return x.detach().requires_grad_(x.requires_grad());
  }

  SavedVariable x_;
  std::vector<at::Tensor> parameters_;
  Part part_;
};

}  // namespace

at::Tensor checkpoint(const at::Tensor& x, const std::vector<at::Tensor>& parameters, const Part& part) {
  at::Tensor y;
  {
    const c10::AutoGradMode not_recording(false);
    y = part(x, Pass::kTrain);
  }
  if (!c10::GradMode::is_enabled()) return y;
  if (!x.requires_grad() && !torch::autograd::any_variable_requires_grad(parameters)) return y;
  const std::shared_ptr<torch::autograd::Node> node(new CheckpointNode(x, parameters, part),
                                                    torch::autograd::deleteNode);
  torch::autograd::create_gradient_edge(y, node);
  return y;
}

}  // namespace facetrain
