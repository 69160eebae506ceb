#include "common/plan/sample_plan.hpp"

#include <numeric>
#include <random>
#include <utility>

namespace facetrain {

std::vector<std::uint32_t> torch_randperm(std::uint32_t n, std::uint64_t seed) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::mt19937 engine(static_cast<std::uint32_t>(seed));
  const bool wide = n >= 0xFFFFFFFFu / 20;  // torch switches to 64-bit draws to keep the modulo's bias small
  for (std::uint32_t i = 0; i + 1 < n; ++i) {
    std::uint64_t draw = engine();
    if (wide) draw = draw << 32 | engine();
    std::swap(order[i], order[i + draw % (n - i)]);
  }
  return order;
}

}  // namespace facetrain
