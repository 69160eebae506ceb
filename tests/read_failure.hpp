// Reads that fail although nothing is wrong with the file.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <optional>

#include "common/error.hpp"

namespace facetrain::test {

// While it lives every open() of this process fails with EMFILE.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit none{0, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

// Of the error that `call` throws; nullopt when it throws none.
template <class Call>
std::optional<ErrorKind> kind_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

}  // namespace facetrain::test
