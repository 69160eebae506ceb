// Element types that cross the ring between data service and trainer, and how floats become them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace facetrain {

enum class Dtype : std::uint32_t { kF32 = 0, kF16 = 1, kBf16 = 2 };

constexpr std::size_t size_of(Dtype type) {
  return type == Dtype::kF32 ? 4 : 2;
}

constexpr std::string_view name_of(Dtype type) {
  return type == Dtype::kF32 ? "f32" : type == Dtype::kF16 ? "f16" : "bf16";
}

}  // namespace facetrain
