#include "common/cpu.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>

namespace facetrain {

int usable_processors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  return std::max(1, CPU_COUNT(&mask));
}

ProcessorMask usable_mask() {
  ProcessorMask words{};
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) CPU_SET(0, &mask);
  for (std::size_t i = 0; i < 64 * words.size(); ++i)
    if (CPU_ISSET(i, &mask)) words[i / 64] |= std::uint64_t{1} << i % 64;
  return words;
}

int processor_share(const ProcessorMask& own, std::span<const ProcessorMask> all) {
  int processors = 0, sharing = 0;
  for (const std::uint64_t word : own) processors += std::popcount(word);
  for (const ProcessorMask& mask : all) {
    bool meets = false;
    for (std::size_t i = 0; i < own.size(); ++i) meets = meets || (own[i] & mask[i]) != 0;
    if (meets) ++sharing;
  }
  return std::max(1, processors / std::max(1, sharing));
}

}  // namespace facetrain
