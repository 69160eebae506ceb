// Text by printf's rules, whatever its length, and numbers read back from text.
#include "common/formatted.hpp"

#include <doctest/doctest.h>

#include "common/number.hpp"

namespace facetrain {

TEST_CASE("text of any length, and hashes with their leading zeros") {
  CHECK(formatted("%d of %s, %.2f", 3, "five", 0.125) == "3 of five, 0.12");
  CHECK(formatted("%s", "").empty());
  CHECK(formatted("%5000d|", 7).size() == 5001);
  CHECK(hex(0x2a) == "000000000000002a");
  CHECK(hex(0xffffffffffffffff) == "ffffffffffffffff");
  CHECK(hex(0x2a, 4) == "002a");
}

TEST_CASE("a number is the whole of its text") {
  CHECK(parse_number<int>("-12") == -12);
  CHECK(parse_number<std::uint32_t>("4294967295") == 4294967295u);
  CHECK(parse_number<double>("2.5e-3") == 2.5e-3);
  for (const char* text : {"", " 1", "1 ", "1x", "+1", "0x10", "one", "99999999999"})
    CHECK_MESSAGE(!parse_number<int>(text), text);
  CHECK(!parse_number<std::uint32_t>("-1"));
  CHECK(!parse_number<std::uint32_t>("4294967296"));
  CHECK(!parse_number<double>("1.5 "));
}

}  // namespace facetrain
