// How many identities a source may have. Packed files tell their number themselves, and memory is taken by
// it, so a damaged one must not be believed.
#pragma once

#include <cstdint>
#include <string>

#include "common/error.hpp"

namespace facetrain {

inline constexpr std::uint32_t kMostClasses = 100'000'000;

// Throws Error(kInput), beginning with `name`, when there are more.
inline void check_classes(std::uint64_t classes, const std::string& name) {
  if (classes > kMostClasses)
    throw Error(ErrorKind::kInput, name + ": " + std::to_string(classes) + " identities; at most " +
                                       std::to_string(kMostClasses) +
                                       " can be trained. Is the number of classes in it damaged?");
}

}  // namespace facetrain
