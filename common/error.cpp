#include "common/error.hpp"

#include <cstring>

namespace facetrain {

std::string with_errno(const std::string& what, int error_number) {
  char text[128] = {};
  // The GNU strerror_r may return a static string instead of filling `text`.
  return what + ": " + strerror_r(error_number, text, sizeof text);
}

}  // namespace facetrain
