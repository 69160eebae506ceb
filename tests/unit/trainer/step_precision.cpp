// What train.precision and train.tf32 mean for the trainer.
#include "trainer/step/precision.hpp"

#include <ATen/Context.h>

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

const at::Device kGpu(at::kCUDA, 0);

}  // namespace

TEST_CASE("gradients travel in half precision between GPUs, in bf16 with float32's range") {
  CHECK((wire_type(Precision::kFp16, kGpu) == at::kHalf));
  CHECK((wire_type(Precision::kFp32, kGpu) == at::kFloat));
  CHECK((wire_type(Precision::kBf16, kGpu) == at::kBFloat16));
  CHECK((wire_type(Precision::kFp64, kGpu) == at::kFloat));
  for (const Precision precision : {Precision::kFp16, Precision::kBf16, Precision::kFp32, Precision::kFp64})
    CHECK((wire_type(precision, at::kCPU) == at::kFloat));
}

TEST_CASE("the log says where a precision is not what it seems") {
  CHECK(precision_note("fp16", at::kCPU).find("needs a GPU") != std::string::npos);
  CHECK(precision_note("bf16", at::kCPU, false).find("no bf16 instructions") != std::string::npos);
  CHECK(precision_note("bf16", at::kCPU, true).empty());
  CHECK(precision_note("fp32", at::kCPU, false).empty());
  for (const char* name : {"fp16", "bf16", "fp32", "fp64"}) CHECK(precision_note(name, kGpu, false).empty());
}

TEST_CASE("TF32 is for float32 products on a GPU, and off unless it is asked for") {
  CHECK_FALSE(at::globalContext().allowTF32CuBLAS());
  use_tf32(true, at::kCPU);
  CHECK_FALSE(at::globalContext().allowTF32CuBLAS());
  use_tf32(true, kGpu);
  CHECK(at::globalContext().allowTF32CuBLAS());
  use_tf32(false, kGpu);
  CHECK_FALSE(at::globalContext().allowTF32CuBLAS());
}
