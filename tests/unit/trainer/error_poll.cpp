// The poll of failures that nobody waits for (NCCL's, while the host waits for the device).
#include "trainer/comm/error_poll.hpp"

#include <atomic>
#include <future>

#include <doctest/doctest.h>

using namespace facetrain;
using namespace std::chrono_literals;

TEST_CASE("a failure that comes later is told once, without anybody's asking") {
  std::atomic<int> asked = 0, told = 0;
  std::promise<std::string> said;
  const auto error = [&]() -> std::optional<std::string> {
    return ++asked < 5 ? std::nullopt : std::optional<std::string>("remote process exited");
  };
  const auto failed = [&](const std::string& text) {
    ++told;
    said.set_value(text);
  };
  {
    const ErrorPoll poll(error, failed, 1ms);
    auto text = said.get_future();
    REQUIRE(text.wait_for(10s) == std::future_status::ready);
    CHECK(text.get() == "remote process exited");
  }
  CHECK(told == 1);
  CHECK(asked == 5);
}

TEST_CASE("without a failure nothing is told, and the end does not wait for the period") {
  bool told = false;
  std::atomic<int> asked = 0;
  const auto began = std::chrono::steady_clock::now();
  {
    const ErrorPoll poll([&]() -> std::optional<std::string> { return ++asked, std::nullopt; },
                         [&](const std::string&) { told = true; }, 1h);
    while (asked == 0) std::this_thread::yield();
  }
  CHECK(!told);
  CHECK(asked == 1);
  CHECK(std::chrono::steady_clock::now() - began < 60s);
}
