// The entries of (N, C) logits that a margin changes: each row's true class, on the rank that owns it. No
// number of rows has to come back from a GPU: rows whose class another rank owns take part with a value that
// changes nothing. C may be 0.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace facetrain {

class TrueClass {
 public:
  // labels (N) int64: column of the row's class, or -1 where another rank owns it.
  explicit TrueClass(const at::Tensor& labels);

  const at::Tensor& owned() const { return owned_; }  // (N, 1) bool: this rank owns the row's class
  at::Tensor mask(std::int64_t columns) const;        // (N, columns) bool: true at the true class

  // (N, 1) true entries of (N, C) values; 0 in rows that are not owned. With gradient.
  at::Tensor of(const at::Tensor& values) const;
  // `values` (N, C) with `change` (N, 1) added to the true entries. With gradient to both.
  at::Tensor added(const at::Tensor& values, const at::Tensor& change) const;

 private:
  at::Tensor owned_, column_;  // column: 0 in rows that are not owned
};

// sqrt(1 - cosine^2), whose gradient is 0 instead of infinite at cosine +-1.
at::Tensor sine_of(const at::Tensor& cosine);

}  // namespace facetrain
