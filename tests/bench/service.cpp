// Rows 8 and 9: the real service (socket, ring, workers) with two consumer processes.
//   8: processor time for a picture, of the service and both consumers together, beside the same pipeline
//      into this process's memory. Processor time, because on a machine with few cores the consumers take
//      theirs from the workers.
//   9: the share of its time that a consumer waits for a batch when it takes them at 90 % of the rate that
//      the same consumers reached just before, without pausing.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "common/cpu.hpp"
#include "common/error.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/pictures.hpp"
#include "tests/bench/service_process.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

using Steady = std::chrono::steady_clock;
constexpr std::int64_t kBatch = 128;
constexpr int kConsumers = 2;

double since_us(Steady::time_point start) {
  return std::chrono::duration<double, std::micro>(Steady::now() - start).count();
}

// What a consumer is told to do, and what it found.
struct Task {
  std::uint64_t batches = 0;
  double pause_us = 0;  // of "training" after each batch
};
struct Report {
  double waited_us = 0, wall_us = 0, longest_us = 0;
};

class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_) != 0) throw Error(ErrorKind::kInternal, with_errno("pipe", errno));
  }
  template <class T>
  void send(const T& value) const {
    if (::write(ends_[1], &value, sizeof value) != sizeof value)
      throw Error(ErrorKind::kInternal, with_errno("pipe", errno));
  }
  template <class T>
  T receive() const {
    T value;
    if (::read(ends_[0], &value, sizeof value) != sizeof value)
      throw Error(ErrorKind::kInternal, "a process of the benchmark has ended too early");
    return value;
  }

 private:
  int ends_[2];
};

// Between tasks it holds every slot, so that the service rests: a task of n batches costs the service n.
void consume(RingConsumer ring, const Pipe& tasks, const Pipe& reports) {
  const std::uint32_t slots = ring.welcome().layout.slots;
  std::vector<std::uint32_t> held;
  for (std::uint32_t i = 0; i < slots; ++i) held.push_back(ring.next().slot);
  reports.send(Report{});
  while (true) {
    const Task task = tasks.receive<Task>();
    if (task.batches == 0) return ring.goodbye();
    Report report;
    const auto start = Steady::now();
    for (const std::uint32_t slot : held) ring.release(slot);
    held.clear();
    for (std::uint64_t i = 0; i < task.batches; ++i) {
      const auto before = Steady::now();
      const std::uint32_t slot = ring.next().slot;
      // The slots were all free at first: what the first of them takes is not waiting in steady state.
      if (i >= slots) {
        report.waited_us += since_us(before);
        report.longest_us = std::max(report.longest_us, since_us(before));
      }
      if (task.pause_us > 0)
        std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(task.pause_us));
      if (i + slots < task.batches)
        ring.release(slot);
      else
        held.push_back(slot);
    }
    report.wall_us = since_us(start);
    reports.send(report);
  }
}

class Bench {
 public:
  explicit Bench(const Source& source, const Config& config)
      : service_(config, kConsumers, usable_processors(), [&]() -> std::unique_ptr<Source> {
          return std::make_unique<MemorySource>(dynamic_cast<const MemorySource&>(source));
        }) {
    for (int rank = 0; rank < kConsumers; ++rank)
      consumers_.emplace_back([this, rank] {
        const auto i = static_cast<std::size_t>(rank);
        consume(service_.connect(rank), tasks_[i], reports_[i]);
      });
    gather();
  }
  ~Bench() {
    for (const Pipe& pipe : tasks_) pipe.send(Task{});
    for (ChildProcess& consumer : consumers_) consumer.wait();
    service_.process().wait();
  }

  // Each consumer takes `batches`.
  std::array<Report, kConsumers> take(std::uint64_t batches, double pause_us) {
    for (const Pipe& pipe : tasks_) pipe.send(Task{batches, pause_us});
    return gather();
  }
  double cpu_us() {
    double sum = service_.process().cpu_us();
    for (const ChildProcess& consumer : consumers_) sum += consumer.cpu_us();
    return sum;
  }
  double consumers_cpu_us() const {
    double sum = 0;
    for (const ChildProcess& consumer : consumers_) sum += consumer.cpu_us();
    return sum;
  }

 private:
  std::array<Report, kConsumers> gather() {
    std::array<Report, kConsumers> all;
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = reports_[i].receive<Report>();
    return all;
  }

  ServiceProcess service_;
  std::array<Pipe, kConsumers> tasks_, reports_;
  std::vector<ChildProcess> consumers_;
};

void row_8(Bench& bench, const Source& source, const Config& config) {
  constexpr std::uint64_t kBatches = 24;  // each consumer, in a round
  MemoryPipeline pipeline(config, usable_processors(), source, 6);
  const auto through_service = [&] {
    const double before = bench.cpu_us();
    const auto start = Steady::now();
    bench.take(kBatches, 0);
    return Cost{bench.cpu_us() - before, since_us(start)};
  };
  const auto into_memory = [&] {
    return measure(Clock::kProcess, [&] { pipeline.fill(kBatches * kConsumers); });
  };
  const double consumers_before = bench.consumers_cpu_us();
  const auto timings = interleave(21, kBatches * kConsumers * kBatch, {through_service, into_memory});
  std::puts(describe("service, two consumers", timings[0]).c_str());
  std::puts(describe("into memory", timings[1]).c_str());
  std::printf("of the service's: the consumers themselves %.3f us an image\n",
              (bench.consumers_cpu_us() - consumers_before) /
                  static_cast<double>(22 * kBatches * kConsumers * kBatch));
  print_row(8, cpu_ratio(timings[0], timings[1]), 0.97,
            "service to 2 consumer processes / the same pipeline into memory, processor time an image");
}

void row_9(Bench& bench) {
  constexpr std::uint64_t kBatches = 60;
  std::vector<double> steps;  // microseconds of one batch at capacity
  for (int round = 0; round < 3; ++round)
    for (const Report& report : bench.take(kBatches, 0)) steps.push_back(report.wall_us / kBatches);
  std::sort(steps.begin(), steps.end());
  const double step_us = steps[steps.size() / 2];
  double best = 1, worst_batch = 0;
  std::vector<double> shares;
  for (int round = 0; round < 5; ++round) {
    double share = 0;
    for (const Report& report : bench.take(kBatches, step_us / 0.9)) {
      share = std::max(share, report.waited_us / report.wall_us);
      worst_batch = std::max(worst_batch, report.longest_us);
    }
    shares.push_back(share);
    best = std::min(best, share);
  }
  std::sort(shares.begin(), shares.end());
  std::printf(
      "capacity: a batch of %lld each %.1f ms for each of %d consumers; longest wait at 90 %%: %.2f ms\n",
      static_cast<long long>(kBatch), step_us / 1e3, kConsumers, worst_batch / 1e3);
  print_row(9, Ratio{best, shares[shares.size() / 2]}, 0.01,
            "share of its time that a consumer waits when it takes 90 % of capacity", Bound::kAtMost);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
    const Pictures pictures(Quality::k90);
    const MemorySource source(pictures.all(), 16);
    const Config config = whole_chain(kBatch, 1'000'000);
    Bench bench(source, config);
    if (wanted(arguments, 9)) row_9(bench);  // before this process starts threads
    if (wanted(arguments, 8)) row_8(bench, source, config);
    return 0;
  } catch (...) {
    std::cerr << "service: " << current_failure().text << "\n";
    return 1;
  }
}
