// Which processors are a process's own: bound by mpirun or not.
#include "common/cpu.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cerrno>
#include <vector>

using namespace facetrain;

namespace {

ProcessorMask processors(int first, int count) {
  ProcessorMask mask{};
  for (int i = first; i < first + count; ++i) mask[static_cast<std::size_t>(i / 64)] |= 1ull << i % 64;
  return mask;
}

}  // namespace

TEST_CASE("the mask has as many bits as there are usable processors") {
  int bits = 0;
  for (const std::uint64_t word : usable_mask()) bits += std::popcount(word);
  CHECK(bits == usable_processors());
}

TEST_CASE("a mask of a machine that could have thousands of processors is read whole") {
  const auto machine = [](std::size_t possible) {
    return affinity_words([=](std::span<std::uint64_t> words) {
      if (64 * words.size() < possible) return EINVAL;
      words[0] = 0b11;
      words[possible / 64 - 1] = 1ull << 63;
      return 0;
    });
  };
  CHECK(machine(1024).size() == 16);
  for (const std::size_t possible : {2048u, 8192u, 8256u}) {
    const std::vector<std::uint64_t> words = machine(possible);
    int bits = 0;
    for (const std::uint64_t word : words) bits += std::popcount(word);
    CHECK(bits == 3);
    CHECK(words.size() < possible / 32);
  }
  CHECK(affinity_words([](std::span<std::uint64_t>) { return EINVAL; }).empty());
  CHECK(affinity_words([](std::span<std::uint64_t>) { return EPERM; }).empty());
}

TEST_CASE("processes that share a mask divide it; one with a mask of its own keeps all of it") {
  const ProcessorMask whole = processors(0, 128), left = processors(0, 64), right = processors(64, 64);
  CHECK(processor_share(whole, std::vector{whole}) == 128);
  CHECK(processor_share(whole, std::vector{whole, whole, whole}) == 42);
  CHECK(processor_share(left, std::vector{left, right}) == 64);
  CHECK(processor_share(left, std::vector{left, right, left, right}) == 32);
  CHECK(processor_share(processors(0, 2), std::vector(4, processors(0, 2))) == 1);
}
