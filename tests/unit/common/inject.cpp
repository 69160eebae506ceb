// Faults on purpose: what debug.inject takes and refuses.
#include "common/inject.hpp"

#include <doctest/doctest.h>

#include <string>

#include "common/error.hpp"

using namespace facetrain;

TEST_CASE("a fault befalls one rank, from one update on") {
  const Injection once = parse_injection("rank=1,step=5,fault=nan");
  CHECK(once.at(1, 5) == Fault::kNan);
  CHECK(once.at(0, 5) == Fault::kNone);
  CHECK(once.at(1, 4) == Fault::kNone);
  CHECK(once.at(1, 6) == Fault::kNone);
  const Injection often = parse_injection("fault=stop,steps=3,step=2,rank=0");
  CHECK(often.at(0, 1) == Fault::kNone);
  CHECK(often.at(0, 2) == Fault::kStop);
  CHECK(often.at(0, 4) == Fault::kStop);
  CHECK(often.at(0, 5) == Fault::kNone);
  CHECK(parse_injection("rank=2,step=1,fault=overflow").at(2, 1) == Fault::kOverflow);
  CHECK(parse_injection("rank=2,step=1,fault=slow").at(2, 1) == Fault::kSlow);
  CHECK(parse_injection("rank=0,step=9,fault=stall").at(0, 9) == Fault::kStall);
  CHECK(parse_injection("").at(0, 1) == Fault::kNone);
}

TEST_CASE("what is no fault is a configuration error that shows how to write one") {
  for (const char* text :
       {"rank=1", "rank=1,step=5", "rank=1,step=5,fault=fire", "rank=x,step=5,fault=nan",
        "rank=-1,step=5,fault=nan", "rank=1,step=0,fault=nan", "rank=1,step=5x,fault=nan",
        "rank=1,step=5,fault=nan,when=now", "rank=1,step=5,fault=nan,step=6",
        "rank=1,rank=1,step=5,fault=nan", "rank=1,step=5,fault=nan,fault=stop",
        "rank=1,step=5,fault=nan,steps=2,steps=2", "rank=1,step=99999999999,fault=nan", "nan"}) {
    CAPTURE(text);
    try {
      parse_injection(text);
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::kConfig);
      CHECK(std::string(error.what()).find("rank=1,step=5,fault=nan\"") != std::string::npos);
    }
  }
}

TEST_CASE("a key that is given twice is named") {
  CHECK_THROWS_WITH_AS(parse_injection("rank=1,step=5,fault=nan,step=6"),
                       doctest::Contains("step is given twice in \"rank=1,step=5,fault=nan,step=6\""), Error);
}
