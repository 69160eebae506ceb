// What train.precision means, and in which numbers pictures come to a network.
#include "common/precision.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"

using namespace facetrain;

TEST_CASE("fp16 needs a GPU; the CPU computes in float32 then") {
  CHECK((precision_of("fp16", true) == Precision::kFp16));
  CHECK((precision_of("fp16", false) == Precision::kFp32));
  for (const bool on_gpu : {true, false}) {
    CHECK((precision_of("bf16", on_gpu) == Precision::kBf16));
    CHECK((precision_of("fp32", on_gpu) == Precision::kFp32));
    CHECK((precision_of("fp64", on_gpu) == Precision::kFp64));
  }
  CHECK_THROWS_AS(precision_of("fp8", true), Error);
}

TEST_CASE("a network whose first layer computes in float32 gets float32 pictures in every precision") {
  for (const Precision precision : {Precision::kFp16, Precision::kBf16, Precision::kFp32, Precision::kFp64})
    CHECK((ring_dtype("vit", precision) == Dtype::kF32));
  for (const char* model : {"iresnet", "mobilefacenet", "no network"}) {
    CHECK((ring_dtype(model, Precision::kFp16) == Dtype::kF16));
    CHECK((ring_dtype(model, Precision::kBf16) == Dtype::kBf16));
    CHECK((ring_dtype(model, Precision::kFp32) == Dtype::kF32));
    CHECK((ring_dtype(model, Precision::kFp64) == Dtype::kF32));
  }
}
