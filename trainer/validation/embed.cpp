#include "trainer/validation/embed.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "trainer/validation/validation_set.hpp"

namespace facetrain {
namespace {

class PictureEmbedder {
 public:
  PictureEmbedder(Backbone& backbone, const PictureFormat& format)
      : backbone_(backbone),
        like_(backbone.state().front().tensor),
        bgr_(format.bgr),
        table_(normalised_bytes(format)) {}

  // The embeddings of `pictures` or of their mirror images.
  at::Tensor embed(std::span<const std::byte> pictures, bool flip) {
    const auto side = static_cast<std::int64_t>(kPictureSide);
    const auto count = static_cast<std::int64_t>(pictures.size() / kPictureBytes);
    at::Tensor images = at::empty({count, 3, side, side}, at::kFloat);
    const std::span<float> values(images.mutable_data_ptr<float>(), pictures.size());
    normalise_pictures(pictures, kPictureSide, flip, table_, values);
    if (bgr_) swap_red_and_blue(values, kPictureSide * kPictureSide);
    return backbone_.forward(images.to(like_.device(), like_.scalar_type()), DropoutKey{});
  }

 private:
  Backbone& backbone_;
  at::Tensor like_;  // a parameter: its device and type are the network's
  bool bgr_;
  std::array<float, 256> table_;
};

at::Tensor through_norm(const at::Tensor& embedding) {
  const at::Tensor norm = embedding.norm(2, {1}, /*keepdim=*/true);
  return embedding / norm * norm;
}

}  // namespace

at::Tensor embed_pictures(Backbone& backbone, std::span<const std::byte> pictures, Fusion fusion,
                          std::size_t batch, const PictureFormat& format) {
  const at::NoGradGuard no_grad;
  PictureEmbedder embedder(backbone, format);
  std::vector<at::Tensor> parts;
  for (std::size_t start = 0; start < pictures.size(); start += batch * kPictureBytes) {
    const auto part = pictures.subspan(start, std::min(batch * kPictureBytes, pictures.size() - start));
    const at::Tensor original = embedder.embed(part, false);
    if (fusion == Fusion::kNone) {
      parts.push_back(original);
      continue;
    }
    const at::Tensor flipped = embedder.embed(part, true);
    parts.push_back(fusion == Fusion::kAdd ? original + flipped
                                           : through_norm(flipped) + through_norm(original));
  }
  return at::cat(parts);
}

}  // namespace facetrain
