// Text as printf makes it, and the digits of hashes. (libstdc++ 12 has no std::format.)
#pragma once

#include <cstdint>
#include <string>

namespace facetrain {

// printf's text, of any length.
[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...);

// "2.50 GiB".
std::string gib_text(double bytes);

// Hexadecimal digits, at least so many.
std::string hex(std::uint64_t value, int digits = 16);

}  // namespace facetrain
