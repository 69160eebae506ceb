// Two or more ways to do the same work, timed in turns (A B A B ...) in one run, so that whatever else the
// machine does meets all of them alike.
//
//   const auto timings = interleave(9, n, {[&] { return measure(Clock::kThread, [&] { ours(); }); },
//                                          [&] { return measure(Clock::kThread, [&] { peer(); }); }});
//   print_row(1, speed_ratio(timings[0], timings[1]), 0.97, "decode q90 4:2:0 / turbojpeg");
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace facetrain::bench {

enum class Clock { kThread, kProcess };  // whose processor time: the calling thread's, or all threads'

struct Cost {
  double cpu_us = 0;
  double wall_us = 0;
};

// Runs `work` once.
Cost measure(Clock clock, const std::function<void()>& work);

// Of the timed rounds, for one item of work.
struct Timing {
  Cost best;
  Cost median;
};

// Each of `ways` does the same work on `items` items and returns its cost. One round of all of them that
// does not count, then `rounds` rounds; the order inside a round turns from round to round.
std::vector<Timing> interleave(int rounds, std::uint64_t items,
                               const std::vector<std::function<Cost()>>& ways);

// How much faster ours is than the peer: by the best rounds, and by the medians.
struct Ratio {
  double best = 0;
  double median = 0;
};
Ratio cpu_ratio(const Timing& ours, const Timing& peer);   // of processor time
Ratio wall_ratio(const Timing& ours, const Timing& peer);  // of time on the clock

// "ours 61.2 us (median 62.0), turbojpeg 58.3 us (median 58.9) of processor time an image": for the lines
// around a row.
std::string describe(const std::string& name, const Timing& timing);

enum class Bound { kAtLeast, kAtMost };

// One line on standard output: ROW <n> <ratio by best> target <t> ok|short <what> (median <ratio>).
void print_row(int row, const Ratio& ratio, double target, const std::string& what,
               Bound bound = Bound::kAtLeast);
// The same with one number.
void print_row(int row, double value, double target, const std::string& what, Bound bound = Bound::kAtLeast);
// ROW <n> - target <t> not-run <what>: <why>
void print_not_run(int row, double target, const std::string& what, const std::string& why);

// Whether `row` is among the program's arguments; with none, every row is wanted.
bool wanted(std::span<char* const> arguments, int row);

}  // namespace facetrain::bench
