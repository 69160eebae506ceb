#include "dataservice/serve/pool_size.hpp"

#include <doctest/doctest.h>

namespace facetrain::test {

TEST_CASE("the pool is as large as the affinity mask unless data.workers says otherwise") {
  CHECK(pool_size(0, 6) == 6);
  CHECK(pool_size(3, 6) == 3);
  CHECK(pool_size(8, 6) == 8);
}

TEST_CASE("a pool larger than the mask is worth a warning") {
  CHECK(pool_size_warning(6, 6).empty());
  const std::string warning = pool_size_warning(8, 6);
  CHECK(warning.find("data.workers is 8") != std::string::npos);
  CHECK(warning.find("6 processors") != std::string::npos);
}

}  // namespace facetrain::test
