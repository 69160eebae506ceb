// "Did you mean ...?" for mistyped names of keys, choices and subcommands.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace facetrain {

// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each 1.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `name`, or an empty view when none is near (more than a third of its letters
// differ, at least 2 are allowed). The first of equally near candidates.
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);

// "; did you mean `X`?" or "".
std::string suggestion(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace facetrain
