#include "trainer/step/matmul_rate.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cstdint>

#include "trainer/step/phase_timer.hpp"

namespace facetrain {

MatmulRate measure_matmul(at::Device device, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  const std::int64_t side = device.is_cpu() ? 1024 : 8192;
  const at::Tensor a = at::full({side, side}, 0.5, at::TensorOptions(device).dtype(type));
  at::Tensor product = at::mm(a, a);
  const auto timer = make_phase_timer(device);
  for (int i = 0; i < 9; ++i) {
    timer->mark("matrix product");
    at::mm_out(product, a, a);
  }
  timer->mark(nullptr);
  const std::vector<double> spans = timer->spans();
  const double best = *std::min_element(spans.begin(), spans.end());
  const auto n = static_cast<double>(side);
  return {2 * n * n * n / best, "a " + std::to_string(side) + " x " + std::to_string(side) +
                                    " matrix product in " + c10::toString(type) + ", measured"};
}

}  // namespace facetrain
