// What takes long is told once, what takes too long is acted upon, what ends in time is neither.
#include "common/watch/time_limit.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "common/watch/start_limit.hpp"

using namespace facetrain;

namespace {

// What a limit has said, one that warns after a second and acts after two, of something that takes so long.
std::vector<std::string> said(std::chrono::milliseconds taken, double limit = 2) {
  std::vector<std::string> words;
  {
    const StorageRule rule{limit, [&](const std::string& text) { words.push_back("warned: " + text); },
                           [&](const std::string& text) { words.push_back("gave up: " + text); }};
    TimeLimit::Rule of = rule.of("writing a/b");
    CHECK(of.warn_after == 10);
    of.warn_after = 1;
    const TimeLimit watched(of);
    std::this_thread::sleep_for(taken);
  }
  return words;
}

}  // namespace

TEST_CASE("a slow write is warned of with its path, one that is too slow is given up") {
  using Words = std::vector<std::string>;
  CHECK(said(std::chrono::milliseconds(300)) == Words{});
  const Words slow = said(std::chrono::milliseconds(1700), 60);
  REQUIRE(slow.size() == 1);
  CHECK(slow[0].starts_with("warned: writing a/b has taken "));
  const Words stalled = said(std::chrono::milliseconds(3500));
  REQUIRE(stalled.size() == 2);
  CHECK(stalled[1].starts_with("gave up: writing a/b has taken "));
  CHECK(stalled[1].ends_with(" s, longer than limits.storage"));
  CHECK(said(std::chrono::milliseconds(3500), 0).size() == 1);
}

TEST_CASE("at the start rank 0 speaks first, whoever launched it") {
  CHECK(start_limit("trainer", {}).limit == 300);
  CHECK(start_limit("trainer", {{"OMPI_COMM_WORLD_RANK", "0"}}).limit == 300);
  CHECK(start_limit("trainer", {{"PMIX_RANK", "1"}}).limit == 310);
  CHECK(start_limit("trainer", {{"SLURM_PROCID", "7"}, {"FACETRAIN_TEST_START", "5"}}).limit == 25);
}
