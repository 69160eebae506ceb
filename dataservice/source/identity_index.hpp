// Which samples belong to an identity: 4 bytes a sample and a class. Built once, read by many threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataservice/source/source.hpp"

namespace facetrain {

class IdentityIndex {
 public:
  explicit IdentityIndex(const Source& source);

  // The samples with this label, ascending.
  std::span<const std::uint32_t> samples_of(std::int64_t label) const;

 private:
  std::vector<std::uint32_t> first_;    // classes + 1: where a class begins in samples_
  std::vector<std::uint32_t> samples_;  // all samples, grouped by class
};

}  // namespace facetrain
