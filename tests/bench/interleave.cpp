#include "tests/bench/interleave.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace facetrain::bench {
namespace {

double microseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double best(const std::vector<Cost>& costs, double Cost::*part) {
  double least = costs.front().*part;
  for (const Cost& cost : costs) least = std::min(least, cost.*part);
  return least;
}

double median(const std::vector<Cost>& costs, double Cost::*part) {
  std::vector<double> sorted;
  for (const Cost& cost : costs) sorted.push_back(cost.*part);
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

}  // namespace

Cost measure(Clock clock, const std::function<void()>& work) {
  const clockid_t cpu = clock == Clock::kThread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID;
  const double wall_before = microseconds(CLOCK_MONOTONIC), cpu_before = microseconds(cpu);
  work();
  const double cpu_after = microseconds(cpu), wall_after = microseconds(CLOCK_MONOTONIC);
  return {cpu_after - cpu_before, wall_after - wall_before};
}

std::vector<Timing> interleave(int rounds, std::uint64_t items,
                               const std::vector<std::function<Cost()>>& ways) {
  if (const char* fewer = std::getenv("FACETRAIN_BENCH_ROUNDS")) rounds = std::max(1, std::atoi(fewer));
  std::vector<std::vector<Cost>> costs(ways.size());
  for (const auto& way : ways) way();
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t k = 0; k < ways.size(); ++k) {
      const std::size_t turn = (k + static_cast<std::size_t>(round)) % ways.size();
      const Cost cost = ways[turn]();
      const double n = static_cast<double>(items);
      costs[turn].push_back({cost.cpu_us / n, cost.wall_us / n});
    }
  }
  std::vector<Timing> timings;
  for (const auto& own : costs)
    timings.push_back({{best(own, &Cost::cpu_us), best(own, &Cost::wall_us)},
                       {median(own, &Cost::cpu_us), median(own, &Cost::wall_us)}});
  return timings;
}

Ratio cpu_ratio(const Timing& ours, const Timing& peer) {
  return {peer.best.cpu_us / ours.best.cpu_us, peer.median.cpu_us / ours.median.cpu_us};
}

Ratio wall_ratio(const Timing& ours, const Timing& peer) {
  return {peer.best.wall_us / ours.best.wall_us, peer.median.wall_us / ours.median.wall_us};
}

std::string describe(const std::string& name, const Timing& timing) {
  char text[200];
  std::snprintf(text, sizeof text,
                "%s: processor %.2f us (median %.2f), clock %.2f us (median %.2f) an image", name.c_str(),
                timing.best.cpu_us, timing.median.cpu_us, timing.best.wall_us, timing.median.wall_us);
  return text;
}

void print_row(int row, const Ratio& ratio, double target, const std::string& what, Bound bound) {
  char text[64];
  std::snprintf(text, sizeof text, " (median %.3f)", ratio.median);
  print_row(row, ratio.best, target, what + text, bound);
}

void print_row(int row, double value, double target, const std::string& what, Bound bound) {
  const bool ok = bound == Bound::kAtLeast ? value >= target : value <= target;
  std::printf("ROW %d %.3f target %g %s %s\n", row, value, target, ok ? "ok" : "short", what.c_str());
  std::fflush(stdout);
}

void print_not_run(int row, double target, const std::string& what, const std::string& why) {
  std::printf("ROW %d - target %g not-run %s: %s\n", row, target, what.c_str(), why.c_str());
  std::fflush(stdout);
}

bool wanted(std::span<char* const> arguments, int row) {
  bool any = false;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    any = true;
    if (std::atoi(arguments[i]) == row) return true;
  }
  return !any;
}

}  // namespace facetrain::bench
