#include "common/build_id.hpp"

#include <doctest/doctest.h>

#include "common/fnv.hpp"

using namespace facetrain;

TEST_CASE("FNV-1a of known texts") {
  CHECK(fnv1a_64("") == 0xcbf29ce484222325u);
  CHECK(fnv1a_64("foobar") == 0x85944171f73967e8u);
}

TEST_CASE("the build says what it is") {
  CHECK(build_description().find("commit ") != std::string::npos);
  CHECK(build_description().find('@') == std::string::npos);
  CHECK(build_id() != 0);
  CHECK(build_id() == build_id());
  CHECK(build_id() != fnv1a_64(build_description()));  // the layout counts too
  CHECK(build_text().starts_with(build_description() + ", id "));
  CHECK(build_text().size() == build_description().size() + 5 + 16);
}
