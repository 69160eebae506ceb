#include "dataservice/source/digest.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/error.hpp"
#include "common/io/crc32c.hpp"

namespace facetrain {
namespace {

constexpr std::uint32_t kDigestBlock = 65536;  // samples of a thread's turn
constexpr std::uint32_t kLookedAt = 64;        // pictures whose bytes count

// Order matters: added(added(h, a), b) != added(added(h, b), a). The finaliser of splitmix64 (Steele, Lea,
// Flood, OOPSLA 2014).
std::uint64_t added(std::uint64_t digest, std::uint64_t value) {
  std::uint64_t z = digest * 0x9E3779B97F4A7C15ull + value;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

std::uint64_t block_digest(const Source& source, std::uint32_t first, std::uint32_t count) {
  std::uint64_t digest = first;
  for (std::uint32_t i = first; i < first + count; ++i)
    digest = added(added(digest, source.fingerprint(i)), static_cast<std::uint64_t>(source.label(i)));
  return digest;
}

// Of its size and bytes. One that cannot be used is as good as none, each time anew; but storage that fails
// now says nothing of the picture, and a digest without it would refuse the next start.
std::uint64_t picture_digest(const Source& source, std::uint32_t i, std::vector<std::byte>& buffer) {
  try {
    source.read(i, buffer);
    return added(buffer.size(), crc32c(buffer));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInput) throw;
    return 0;
  }
}

}  // namespace

std::uint64_t data_digest(const Source& source, int threads) {
  const std::uint32_t samples = source.size();
  std::vector<std::uint64_t> blocks((std::uint64_t{samples} + kDigestBlock - 1) / kDigestBlock);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t block = next++; block < blocks.size(); block = next++) {
      const auto first = static_cast<std::uint32_t>(block * kDigestBlock);
      blocks[block] = block_digest(source, first, std::min(kDigestBlock, samples - first));
    }
  };
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < threads && static_cast<std::size_t>(i) < blocks.size(); ++i)
      others.emplace_back(work);
    work();
  }
  std::uint64_t digest = added(samples, source.classes());
  for (const std::uint64_t block : blocks) digest = added(digest, block);
  std::vector<std::byte> buffer;
  const std::uint32_t looked_at = std::min(samples, kLookedAt);
  for (std::uint64_t k = 0; k < looked_at; ++k)
    digest =
        added(digest, picture_digest(source, static_cast<std::uint32_t>(k * samples / looked_at), buffer));
  return digest;
}

}  // namespace facetrain
