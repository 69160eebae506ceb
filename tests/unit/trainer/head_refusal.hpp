// What make_head() says of a configuration that it refuses.
#pragma once

#include <string>

#include "common/error.hpp"
#include "trainer/head/head.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain::test {

// "" when it is accepted.
inline std::string head_refusal(const Config& config) {
  try {
    make_head(config);
  } catch (const Error& error) {
    CHECK((error.kind() == ErrorKind::kConfig));
    return error.what();
  }
  return "";
}

}  // namespace facetrain::test
