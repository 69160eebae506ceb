// Runs a function that launches kernels (cuda_on_cpu.hpp) with threads and blocks in several orders. What was
// not written in a tensor that it allocates is NaN.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include <cstring>
#include <vector>

#include "tests/kernels/cuda_on_cpu.hpp"

namespace facetrain::test {

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.nbytes() == b.nbytes() &&
         (a.nbytes() == 0 || std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0);
}

// What work() returns, its tensors, in `order`.
template <typename Work>
std::vector<at::Tensor> in_order(on_cpu::Order order, const Work& work) {
  struct Settings {
    explicit Settings(on_cpu::Order of) {
      on_cpu::set_order(of);
      at::globalContext().setDeterministicAlgorithms(true, false);  // at::empty() then fills
    }
    ~Settings() {
      at::globalContext().setDeterministicAlgorithms(false, false);
      on_cpu::set_order(on_cpu::Order::kForward);
    }
  };
  const Settings settings(order);
  return work();
}

// The same in three orders; whether the results were equal to the last bit goes to `equal`.
template <typename Work>
std::vector<at::Tensor> in_any_order(const Work& work, bool& equal) {
  const std::vector<at::Tensor> results = in_order(on_cpu::Order::kForward, work);
  for (const on_cpu::Order order : {on_cpu::Order::kBackward, on_cpu::Order::kMixed}) {
    const std::vector<at::Tensor> others = in_order(order, work);
    for (std::size_t i = 0; i < results.size(); ++i) equal = equal && same_bits(results[i], others[i]);
  }
  return results;
}

}  // namespace facetrain::test
