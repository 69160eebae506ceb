// What the Vision Transformer's golden rows share with record_vit.py: how weights are filled, and where the
// batch sits.
#pragma once

#include "tests/golden/trainer/backbone_golden.hpp"

namespace facetrain::test {

// record_vit.py's SEED, STEP, RANK, WORLD.
inline constexpr DropoutKey kVitKey{.seed = 42, .step = 5, .rank = 1, .world = 2};

// record_vit.py's fill.
inline void fill_vit(const Backbone& net) {
  fill_state(net, [](const std::string& name, at::Tensor& u, double fan_in) {
    if (name == "pos_embed") {
      u.mul_(0.5);
    } else if (u.dim() > 1 && name != "mask_token") {
      u.mul_(std::sqrt(3.0 / fan_in) * (name.find(".fc1.") != std::string::npos ? 4 : 1));
    } else if (u.dim() == 1) {
      u.mul_(0.3).add_(1);
    }
  });
}

inline void check_vit(const std::string& name, const std::unique_ptr<Backbone>& net, std::int64_t batch,
                      at::ScalarType dtype, Tolerance tolerance) {
  net->to(at::kCPU, dtype);
  fill_vit(*net);
  compare_with_golden(name, *net, batch, dtype, tolerance, kVitKey);
}

}  // namespace facetrain::test
