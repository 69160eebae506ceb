// FNV-1a, 64 bits: a digest for telling texts apart, not for keeping secrets.
// http://www.isthe.com/chongo/tech/comp/fnv/
#pragma once

#include <cstdint>
#include <string_view>

namespace facetrain {

constexpr std::uint64_t fnv1a_64(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}
static_assert(fnv1a_64("a") == 0xaf63dc4c8601ec8cu);

}  // namespace facetrain
