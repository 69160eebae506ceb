#include "trainer/comm/gather_numbers.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

namespace facetrain {

at::Tensor gather_numbers(const std::vector<double>& own, Communicator& trainers, at::Device device) {
  const at::Tensor mine = at::tensor(own, at::kDouble).to(device);
  const at::Tensor all = at::empty({trainers.size(), static_cast<std::int64_t>(own.size())}, mine.options());
  trainers.all_gather(all.view({-1}), mine);
  return all.cpu();
}

}  // namespace facetrain
