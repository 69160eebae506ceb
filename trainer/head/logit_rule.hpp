// How stored values become logits, and logits exponentials, in the softmax over sharded classes. C++17: the
// GPU kernels read it too.
#pragma once

namespace facetrain {

// A stored value x stands for the logit scale * clamp(x, -bound, bound); its exponential is taken as
// exp(logit - shift), where shift keeps the sum over all classes finite. x itself gets no gradient beyond the
// bound.
struct LogitRule {
  double scale = 1;
  double bound = 1e30;
  double shift = 0;
};

}  // namespace facetrain
