#include "trainer/weights/initial_weights.hpp"

#include <ATen/core/grad_mode.h>

#include "common/error.hpp"
#include "trainer/weights/weights.hpp"

namespace facetrain {

void init_backbone(Backbone& backbone, const std::string& path) {
  const std::vector<NamedTensor> state = load_state_dict(path);
  try {
    load_into(backbone, state);
  } catch (const Error& error) {
    throw Error(ErrorKind::kInput, "run.init_from: " + path + ": " + error.what());
  }
}

void init_centres(ShardedClassifier& classifier, const std::string& path) {
  const std::string where = "run.init_head: " + path + ": ";
  const std::vector<NamedTensor> state = load_state_dict(path);
  if (state.size() != 1 || state.front().name != "weight") {
    std::string names;
    for (const NamedTensor& entry : state) names += (names.empty() ? "" : ", ") + entry.name;
    throw Error(ErrorKind::kInput, where + "expected one tensor, weight (classes x embedding_size); it has " +
                                       (names.empty() ? "none" : names) +
                                       "; save it as torch.save({'weight': centres}, path)");
  }
  const at::Tensor& all = state.front().tensor;
  at::Tensor own = classifier.weight().detach();
  if (all.dim() != 2 || all.size(0) != classifier.classes() || all.size(1) != own.size(1)) {
    std::string shape;
    for (const std::int64_t size : all.sizes()) shape += (shape.empty() ? "" : " x ") + std::to_string(size);
    throw Error(ErrorKind::kInput, where + "weight is " + shape + ", but this run has " +
                                       std::to_string(classifier.classes()) + " classes and embeddings of " +
                                       std::to_string(own.size(1)));
  }
  at::NoGradGuard no_grad;
  own.copy_(all.narrow(0, classifier.shard().first, classifier.shard().count));
}

}  // namespace facetrain
