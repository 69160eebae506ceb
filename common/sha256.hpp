// SHA-256 (FIPS 180-4), for telling files apart the way sha256sum does. Not for secrets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace facetrain {

class Sha256 {
 public:
  void add(std::span<const std::byte> bytes);
  std::string hex();  // 64 digits; nothing may be added after

 private:
  void block(const std::byte* bytes);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> rest_{};
  std::uint64_t bytes_ = 0;
};

std::string sha256_hex(std::span<const std::byte> bytes);

// Of a whole file, through a map. Throws Error(kInput) when it cannot be opened.
std::string sha256_of_file(const std::string& path);

}  // namespace facetrain
