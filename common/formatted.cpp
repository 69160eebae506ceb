#include "common/formatted.hpp"

#include <cstdarg>
#include <cstdio>

namespace facetrain {

std::string formatted(const char* format, ...) {
  std::va_list values, again;
  va_start(values, format);
  va_copy(again, values);
  const int length = std::vsnprintf(nullptr, 0, format, values);
  va_end(values);
  std::string text(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);  // the string's own zero takes the last byte
  va_end(again);
  return text;
}

std::string gib_text(double bytes) {
  return formatted("%.2f GiB", bytes / (1024.0 * 1024.0 * 1024.0));
}

std::string hex(std::uint64_t value, int digits) {
  return formatted("%0*llx", digits, static_cast<unsigned long long>(value));
}

}  // namespace facetrain
