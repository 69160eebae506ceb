// The trace of a run: one file with a line for each step and rank, every digit kept.
#include "trainer/log/trace.hpp"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "common/error.hpp"
#include "tests/mpi/world.hpp"
#include "tests/temporary_folder.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

TEST_CASE("a line of the trace") {
  CHECK(trace_line({3, {5, 0, 12}, 0.1, 2, 1e-5}, 1) ==
        "{\"step\": 3, \"rank\": 1, \"ids\": [5, 0, 12], \"loss\": 0.10000000000000001, \"grad_norm\": 2, "
        "\"lr\": 1.0000000000000001e-05}\n");
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(trace_line({1, {}, std::nan(""), infinity, -infinity}, 0) ==
        "{\"step\": 1, \"rank\": 0, \"ids\": [], \"loss\": NaN, \"grad_norm\": Infinity, \"lr\": "
        "-Infinity}\n");
}

TEST_CASE("the first rank writes every rank's lines, in order, and starts the file anew") {
  const facetrain::test::TemporaryFolder folder;  // every rank's own; the first one's is used
  const std::string path = folder / "trace.jsonl";
  const int rank = world().rank();
  for (int run = 0; run < 2; ++run) {
    Trace trace(path, world(), at::kCPU);
    for (std::int64_t step = 1; step <= 2; ++step)
      trace.write({step, {step * 100 + rank, (std::int64_t{1} << 52) + rank}, 1.0 / 3, rank + 0.1, 0.5});
  }
  if (rank != 0) return;
  std::string expected;
  for (std::int64_t step = 1; step <= 2; ++step)
    for (int r = 0; r < world().size(); ++r)
      expected += trace_line({step, {step * 100 + r, (std::int64_t{1} << 52) + r}, 1.0 / 3, r + 0.1, 0.5}, r);
  std::ifstream file(path);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == expected);
}

TEST_CASE("a run that goes on keeps the steps that it has done, whole lines only") {
  const std::string trace = trace_line({1, {5}, 1, 1, 1}, 0) + trace_line({2, {6}, 1, 1, 1}, 0) +
                            trace_line({10, {7}, 1, 1, 1}, 0) + "{\"step\": 1, \"ra";
  CHECK(trace_up_to(trace, 2) == trace_line({1, {5}, 1, 1, 1}, 0) + trace_line({2, {6}, 1, 1, 1}, 0));
  CHECK(trace_up_to(trace, 0).empty());
  CHECK(trace_up_to("", 5).empty());
  const facetrain::test::TemporaryFolder folder;
  const std::string path = folder / "trace.jsonl";
  { Trace(path, world(), at::kCPU).write({1, {}, 1, 1, 1}); }
  { Trace(path, world(), at::kCPU).write({1, {}, 2, 1, 1}); }
  { Trace(path, world(), at::kCPU, 1).write({2, {}, 3, 1, 1}); }
  if (world().rank() != 0) return;
  std::string expected;
  for (int r = 0; r < world().size(); ++r) expected += trace_line({1, {}, 2, 1, 1}, r);
  for (int r = 0; r < world().size(); ++r) expected += trace_line({2, {}, 3, 1, 1}, r);
  std::ifstream file(path);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == expected);
}

TEST_CASE("a trace that cannot be written is reported with its path") {
  if (world().rank() != 0) return;
  CHECK_THROWS_WITH_AS(Trace("/nowhere/t.jsonl", world(), at::kCPU), doctest::Contains("/nowhere/t.jsonl"),
                       Error);
}
