// Which trainer rank owns which class of the head: classes / world each, the remainder to the first ranks
// (Partial FC, An et al. 2022, https://arxiv.org/abs/2203.15565; the reference's PartialFC_V2 divides alike).
#pragma once

#include <cstdint>

namespace facetrain {

struct ClassShard {
  std::int64_t first = 0;  // global id of the first class of this rank
  std::int64_t count = 0;  // classes of this rank; may be 0 when there are fewer classes than ranks

  bool owns(std::int64_t label) const { return label >= first && label < first + count; }
};

constexpr ClassShard class_shard(std::int64_t classes, int rank, int world) {
  const std::int64_t each = classes / world, rest = classes % world;
  return {each * rank + (rank < rest ? rank : rest), each + (rank < rest ? 1 : 0)};
}

}  // namespace facetrain
