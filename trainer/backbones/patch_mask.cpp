#include "trainer/backbones/patch_mask.hpp"

#include <ATen/ops/argsort.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>

#include "trainer/backbones/keyed_words.hpp"

namespace facetrain {
namespace {

at::Tensor gather_tokens(const at::Tensor& x, const at::Tensor& index) {
  return at::gather(x, 1, index.unsqueeze(2).expand({index.size(0), index.size(1), x.size(2)}));
}

}  // namespace

PatchMask patch_mask(const DropoutKey& key, std::int64_t rows, std::int64_t patches, std::int64_t kept,
                     at::Device device) {
  const at::Tensor words = keyed_words(key, Purpose::kPatchMask, rows, patches, device);
  const at::Tensor order = at::argsort(words, /*stable=*/true, /*dim=*/1);
  return {order.narrow(1, 0, kept), at::argsort(order, /*stable=*/true, /*dim=*/1)};
}

at::Tensor mask_patches(const at::Tensor& x, const PatchMask& mask) {
  return gather_tokens(x, mask.kept);
}

at::Tensor unmask_patches(const at::Tensor& x, const at::Tensor& token, const PatchMask& mask) {
  const std::int64_t masked = mask.restore.size(1) - x.size(1);
  return gather_tokens(at::cat({x, token.expand({x.size(0), masked, x.size(2)})}, 1), mask.restore);
}

}  // namespace facetrain
