#include "common/error.hpp"

#include <cstring>

namespace facetrain {

std::string with_errno(const std::string& what, int error_number) {
  char text[128] = {};
  // The GNU strerror_r may return a static string instead of filling `text`.
  return what + ": " + strerror_r(error_number, text, sizeof text);
}

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.what(), exit_code(error.kind())};
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return {text.substr(0, text.find('\n')), exit_code(ErrorKind::kInternal)};
  } catch (...) {
    return {"unknown error", exit_code(ErrorKind::kInternal)};
  }
}

}  // namespace facetrain
