#include "common/cpu.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cerrno>

namespace facetrain {
namespace {

constexpr std::size_t kFirst = 16, kMost = std::size_t{1} << 14;  // words: 1,024 processors, a million

int own_affinity(std::span<std::uint64_t> words) {
  auto* const mask = reinterpret_cast<cpu_set_t*>(words.data());  // which is words, of any number (CPU_ALLOC)
  return ::sched_getaffinity(0, words.size_bytes(), mask) == 0 ? 0 : errno;
}

}  // namespace

std::vector<std::uint64_t> affinity_words(const GetAffinity& get) {
  for (std::size_t size = kFirst; size <= kMost; size *= 2) {
    std::vector<std::uint64_t> words(size);
    const int failed = get(words);
    if (failed == 0) return words;
    if (failed != EINVAL) break;
  }
  return {};
}

int usable_processors() {
  int processors = 0;
  for (const std::uint64_t word : affinity_words(own_affinity)) processors += std::popcount(word);
  return std::max(1, processors);
}

ProcessorMask usable_mask() {
  ProcessorMask mask{};
  const std::vector<std::uint64_t> words = affinity_words(own_affinity);
  if (words.empty()) mask[0] = 1;
  for (std::size_t i = 0; i < words.size(); ++i) mask[i % mask.size()] |= words[i];
  return mask;
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
