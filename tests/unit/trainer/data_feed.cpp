// In which numbers pictures come to a network.
#include "trainer/run/data_feed.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

TEST_CASE("a network whose first layer computes in float32 gets float32 pictures in every precision") {
  for (const Precision precision : {Precision::kFp16, Precision::kBf16, Precision::kFp32, Precision::kFp64})
    CHECK((ring_dtype("vit", precision) == Dtype::kF32));
  CHECK((ring_dtype("iresnet", Precision::kFp16) == Dtype::kF16));
  CHECK((ring_dtype("iresnet", Precision::kBf16) == Dtype::kBf16));
  CHECK((ring_dtype("mobilefacenet", Precision::kFp32) == Dtype::kF32));
  CHECK((ring_dtype("mobilefacenet", Precision::kFp64) == Dtype::kF32));
}
