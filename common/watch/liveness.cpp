#include "common/watch/liveness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/watch/watch_clock.hpp"

namespace facetrain {
namespace {

constexpr double kPatience = 10;  // for what takes longer than an update
constexpr const char* kRemedy = "the job ends here, the same command goes on from its last checkpoint";

std::string seconds(double value) {
  return std::to_string(std::llround(value)) + " s";
}

double allowed(Activity activity, const WaitLimits& limits) {
  switch (activity) {
    case Activity::kWaiting:  // storage may take for ever: the service says so
      return limits.storage > 0 ? limits.step + limits.storage : std::numeric_limits<double>::infinity();
    case Activity::kTraining:
      return limits.step;
    default:
      return kPatience * limits.step;
  }
}

const char* activity_name(Activity activity) {
  switch (activity) {
    case Activity::kStarting:
      return "starting";
    case Activity::kServing:
      return "serving";
    case Activity::kWaiting:
      return "waiting for data";
    case Activity::kTraining:
      return "training";
    case Activity::kValidating:
      return "validating";
    case Activity::kSaving:
      return "saving a checkpoint";
    case Activity::kEnding:
      return "ending";
  }
  return "unknown";
}

}  // namespace

Liveness::Liveness(std::vector<WatchedProcess> watched, const WaitLimits& limits, double now)
    : limits_(limits), looked_(now) {
  for (WatchedProcess& process : watched) seen_.push_back({std::move(process), {}, now, now});
}

void Liveness::look(double now) {
  const double gap = suspended(std::exchange(looked_, now), now);
  for (Seen& seen : seen_) {
    seen.heard += gap;
    seen.moved += gap;
  }
}

void Liveness::heard(int rank, const Beat& beat, double now) {
  for (Seen& seen : seen_) {
    if (seen.process.rank != rank) continue;
    seen.heard = now;
    if (!(beat == seen.last)) seen.moved = now;
    seen.last = beat;
  }
}

std::optional<std::string> Liveness::verdict(double now) const {
  auto text = silent(now);
  return text ? text : stuck(now);
}

std::string Liveness::who(const Seen& seen) const {
  return "rank " + std::to_string(seen.process.rank) + " (" +
         (seen.process.role == Role::kService ? "dataservice" : "trainer") + " on " + seen.process.host + ")";
}

std::string Liveness::how_far(const Seen& seen) {
  const std::string done = std::to_string(seen.last.done);
  return seen.process.role == Role::kService ? " after " + done + " batches" : " after update " + done;
}

std::optional<std::string> Liveness::silent(double now) const {
  if (limits_.silence <= 0) return {};
  const Seen* first = nullptr;
  int count = 0;
  for (const Seen& seen : seen_) {
    if (now - seen.heard <= limits_.silence * limits_.patience) continue;
    ++count;
    if (first == nullptr || seen.heard < first->heard) first = &seen;
  }
  if (first == nullptr) return {};
  std::string text = who(*first);
  if (count > 1) text += " and " + std::to_string(count - 1) + " more processes";
  text += " gave no sign of life for " + seconds(now - first->heard) + ", last seen " +
          activity_name(first->last.activity);
  text += how_far(*first);
  return text + ": stopped, frozen or cut off the network (limits.silence = " + seconds(limits_.silence) +
         "); " + kRemedy;
}

std::optional<std::string> Liveness::stuck(double now) const {
  if (limits_.step <= 0) return {};
  const Seen *worst = nullptr, *starved = nullptr;
  double newest = 0, limit = 0;
  for (const Seen& seen : seen_) {
    if (seen.process.role != Role::kTrainer || seen.last.activity == Activity::kEnding) continue;
    newest = std::max(newest, seen.moved);
    limit = std::max(limit, allowed(seen.last.activity, limits_));
    if (seen.last.activity == Activity::kWaiting) starved = &seen;
    if (worst == nullptr || std::pair(seen.last.done, seen.moved) < std::pair(worst->last.done, worst->moved))
      worst = &seen;
  }
  if (worst == nullptr || now - newest <= limit) return {};
  const std::string waited = seconds(now - newest);
  if (starved != nullptr) {
    for (const Seen& seen : seen_) {
      if (seen.process.role == Role::kService && seen.process.node == starved->process.node)
        return who(seen) + " has given " + who(*starved) + " no batch for " + waited + "," +
               how_far(*starved) + "; it has handed over " + std::to_string(seen.last.done) +
               " batches in all: look at its storage (limits.step and limits.storage); " + kRemedy;
    }
  }
  if (worst->last.activity == Activity::kStarting) {
    for (const Seen& seen : seen_) {  // the trainers wait for the last service that opens its data
      if (seen.process.role == Role::kService && seen.last.activity == Activity::kStarting)
        return who(seen) + " has not opened its data after " + waited +
               ": look at data.train_source and its storage (limits.step = " + seconds(limits_.step) +
               ", ten times that for the start); the job ends here";
    }
  }
  return "no trainer has finished an update for " + waited + "; furthest behind: " + who(*worst) + ", " +
         activity_name(worst->last.activity) + how_far(*worst) + " (limits.step = " + seconds(limits_.step) +
         "); " + kRemedy;
}

}  // namespace facetrain
