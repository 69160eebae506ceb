// The line for a job whose nodes read different data.
#include "common/data_match.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace facetrain;

TEST_CASE("services that read the same have nothing to object to") {
  CHECK(data_mismatch({}).empty());
  CHECK(data_mismatch(std::vector<ServiceData>{{"a", {4, 2, 7}}, {"b", {4, 2, 7}}}).empty());
}

TEST_CASE("the first service that reads other data is named beside the first of all, with what both read") {
  const std::vector<ServiceData> services = {{"dataservice (rank 0 on n1)", {500, 20, 0xabc}},
                                             {"dataservice (rank 3 on n2)", {500, 20, 0xabc}},
                                             {"dataservice (rank 6 on n3)", {499, 20, 0xdef}},
                                             {"dataservice (rank 9 on n4)", {1, 1, 1}}};
  CHECK(data_mismatch(services) ==
        "dataservice (rank 0 on n1) reads 500 samples of 20 identities (digest 0000000000000abc), but "
        "dataservice (rank 6 on n3) reads 499 samples of 20 identities (digest 0000000000000def): all nodes "
        "must find the same data under the same names (copy them anew, or keep them where all nodes see "
        "them)");
}

TEST_CASE("samples, identities and digest each tell data apart") {
  const DataIdentity data{500, 20, 7};
  for (const DataIdentity& other : {DataIdentity{501, 20, 7}, {500, 21, 7}, {500, 20, 8}})
    CHECK(!data_mismatch(std::vector<ServiceData>{{"a", data}, {"b", other}}).empty());
}
