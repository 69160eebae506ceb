// The line for a job of programs of different builds.
#include "common/build_match.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace facetrain;

TEST_CASE("processes of one build have nothing to object to") {
  CHECK(build_mismatch({}).empty());
  CHECK(build_mismatch(std::vector<ProcessBuild>{{"a", "1"}, {"b", "1"}}).empty());
}

TEST_CASE(
    "the first process of another build is named beside the first of all, with both builds and a remedy") {
  const std::vector<ProcessBuild> processes = {{"dataservice (rank 0 on n1)", "1, id a"},
                                               {"trainer (rank 1 on n1)", "1, id a"},
                                               {"dataservice (rank 2 on n2)", "1, id b"},
                                               {"trainer (rank 3 on n2)", "2, id c"}};
  CHECK(build_mismatch(processes) ==
        "dataservice (rank 0 on n1) is of build 1, id a, but dataservice (rank 2 on n2) of build 1, id b: "
        "start "
        "the programs of one build on all nodes (`facetrain --version` tells it)");
}
