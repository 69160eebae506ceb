// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3",
// SC 2011). A stream is keyed by (seed, purpose, epoch or step, global position), so no draw depends on
// thread, rank or arrival order.
#pragma once

#include <array>
#include <cstdint>

namespace facetrain {

// What a draw is for; keeps streams of different uses apart. Values are part of a run's identity: never
// renumber.
enum class Purpose : std::uint32_t {
  kAugment = 1,       // position: the sample's place in the epoch's global order
  kDropout = 2,       // position: the row's place in the step's global batch
  kHeadInit = 3,      // position: the class id
  kReplace = 4,       // position: the bad sample's place in the epoch's global order
  kSynth = 5,         // position: identity or picture number
  kSample = 6,        // position: free (partial FC, masks)
  kBackboneInit = 7,  // when: the parameter's index in state_dict order
  kDropPath = 8,      // as kDropout
  kPatchMask = 9,     // as kDropout
  kOrder = 10,        // position: 0, or 1 + a place in the line of shards (chunked_plan.hpp)
};

using Philox4 = std::array<std::uint32_t, 4>;

// One block of four 32-bit words for a counter and key (10 rounds).
constexpr Philox4 philox4x32(Philox4 counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = 0xD2511F53ull * counter[0];
    const std::uint64_t b = 0xCD9E8D57ull * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// The Philox key of a seed and purpose: what RandomStream uses, for code that makes many streams' words at
// once.
constexpr std::array<std::uint32_t, 2> philox_key(std::uint64_t seed, Purpose purpose) {
  return {static_cast<std::uint32_t>(seed),
          static_cast<std::uint32_t>(seed >> 32) ^ static_cast<std::uint32_t>(purpose) << 24};
}

// A stream of draws. Cheap to construct (no state but a counter); copy it to replay.
class RandomStream {
 public:
  // seed: the run's; when: epoch or step; position: see Purpose.
  constexpr RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t when, std::uint64_t position)
      : key_(philox_key(seed, purpose)), position_(position), when_(when) {}

  constexpr std::uint32_t next_u32() {
    if (used_ == 4) {
      block_ = philox4x32({block_number_++, when_, static_cast<std::uint32_t>(position_),
                           static_cast<std::uint32_t>(position_ >> 32)},
                          key_);
      used_ = 0;
    }
    return block_[used_++];
  }

  // Uniform in [0, 1) with 53 random bits.
  constexpr double uniform() {
    const std::uint64_t high = next_u32() >> 5, low = next_u32() >> 6;
    return static_cast<double>(high * 67108864ull + low) * (1.0 / 9007199254740992.0);
  }

  // Uniform in [low, high).
  constexpr double uniform(double low, double high) { return low + (high - low) * uniform(); }

  // Uniform integer in [0, n), n >= 1 (Lemire's multiply-shift; bias below 2^-32 n).
  constexpr std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next_u32()) * n) >> 32);
  }

  // Standard normal by Box-Muller (two uniforms a draw, none cached).
  double normal();

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t position_;
  std::uint32_t when_;
  std::uint32_t block_number_ = 0;
  Philox4 block_{};
  int used_ = 4;
};

}  // namespace facetrain
