#include "dataservice/source/identity_index.hpp"

namespace facetrain {

// A counting sort by label.
IdentityIndex::IdentityIndex(const Source& source)
    : first_(std::size_t{source.classes()} + 1, 0), samples_(source.size()) {
  for (std::uint32_t i = 0; i < source.size(); ++i) ++first_[static_cast<std::size_t>(source.label(i)) + 1];
  for (std::size_t c = 1; c < first_.size(); ++c) first_[c] += first_[c - 1];
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  for (std::uint32_t i = 0; i < source.size(); ++i)
    samples_[next[static_cast<std::size_t>(source.label(i))]++] = i;
}

std::span<const std::uint32_t> IdentityIndex::samples_of(std::int64_t label) const {
  const auto c = static_cast<std::size_t>(label);
  return {samples_.data() + first_[c], samples_.data() + first_[c + 1]};
}

}  // namespace facetrain
