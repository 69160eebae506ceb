// The challenge's three scales: "10K IDs (up to 0.5M images), 20K IDs (up to 1M images), and 100K IDs (up to
// 5M images)" (README.md of iccv2025-fr-competition, "Synthetic dataset generation requirements").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/check/finding.hpp"

namespace facetrain {

struct Scale {
  std::string_view name;
  std::uint64_t identities, images;
};

inline constexpr std::array<Scale, 3> kScales{
    {{"10K", 10000, 500000}, {"20K", 20000, 1000000}, {"100K", 100000, 5000000}}};

// Throws Error(kConfig) for a name that is none of them.
Scale scale_named(std::string_view name);

// The smallest scale that the identities fit, or nothing.
std::optional<Scale> scale_of(std::uint64_t identities);

// A data set against its scale: the given one, or the smallest that fits the identities.
Findings scale_findings(std::uint64_t identities, std::uint64_t images, const std::optional<Scale>& given,
                        Rules rules);

}  // namespace facetrain
