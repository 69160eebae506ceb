// How many identities a source may have. Packed files tell their number themselves, and memory is taken by
// it, so a damaged one must not be believed.
#pragma once

#include <cstdint>
#include <string>

#include "common/error.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

inline constexpr std::uint32_t kMostClasses = 100'000'000;

// Throws Error(kInput), beginning with `name`, when there are more.
inline void check_classes(std::uint64_t classes, const std::string& name) {
  if (classes > kMostClasses)
    throw Error(ErrorKind::kInput, name + ": " + std::to_string(classes) + " identities; at most " +
                                       std::to_string(kMostClasses) +
                                       " can be trained. Is the number of classes in it damaged?");
}

// The number of classes of a source whose labels are known: `told`, or when that is 0 the largest label + 1.
// Throws Error(kInput) for the first sample whose label is not below it, with `what` after the number told.
std::uint32_t classes_of_labels(const Source& source, std::uint32_t told, const std::string& what);

}  // namespace facetrain
