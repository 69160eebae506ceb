// bench_big FOLDER IMAGES IDENTITIES ORDER: one whole epoch of many different pictures through the real
// service to two consumer processes. Makes the set (big_set.hpp), opens it in the service, and streams it.
// Every batch's pixels are summed; every sample must come exactly once, with its label; of some rows the
// pixels are made again from the source and must be the same. Prints what tests/bench/run.sh big writes down;
// exit code 1 when anything of it is not so.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <thread>

#include "common/cpu.hpp"
#include "common/error.hpp"
#include "dataservice/source/identity_index.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/bench/big_set.hpp"
#include "tests/bench/service_process.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

using Steady = std::chrono::steady_clock;
constexpr int kConsumers = 2;
constexpr std::int64_t kBatch = 250;  // the epoch must have whole batches: no sample may be left out
constexpr std::size_t kMostRemade = 256;

// Of the pixels of some rows, by any checksum that every bit enters.
std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::array<std::uint64_t, 4> lanes{1, 2, 3, 4};
  std::size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32)
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at + lane * 8, 8);
      lanes[lane] = (lanes[lane] ^ word) * 0x9E3779B97F4A7C15ull;
      lanes[lane] ^= lanes[lane] >> 29;
    }
  for (; at < bytes.size(); ++at) lanes[0] = lanes[0] * 31 + std::to_integer<std::uint64_t>(bytes[at]);
  return lanes[0] ^ lanes[1] * 3 ^ lanes[2] * 5 ^ lanes[3] * 7;
}

struct RemadeRow {
  std::uint64_t step = 0;
  std::uint32_t row = 0;
  std::int64_t id = 0;
  std::uint64_t sum = 0;
};

// What the consumers tell this process.
struct Progress {
  std::atomic<std::uint64_t> rows{0};
  std::atomic<std::uint64_t> sum{0};  // of all batches' checksums
  std::atomic<std::size_t> remade{0};
  std::array<RemadeRow, kMostRemade> remade_rows;
};

// `count` zeroed objects that forked processes share.
template <class T>
T* shared(std::size_t count) {
  void* memory =
      ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Error(ErrorKind::kInternal, with_errno("mmap", errno));
  T* objects = static_cast<T*>(memory);
  for (std::size_t i = 0; i < count; ++i) new (objects + i) T{};
  return objects;
}

void consume(RingConsumer ring, const BigSet& set, Progress& progress, std::atomic<std::uint8_t>* seen) {
  const std::uint64_t steps = ring.welcome().steps_per_epoch, every = std::max<std::uint64_t>(1, steps / 200);
  const std::uint32_t per_identity = set.images / set.identities;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const RingBatch batch = ring.next();
    const std::size_t rows = batch.ids.size(), row_bytes = batch.images.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      const std::int64_t id = batch.ids[row];
      if (id < 0 || id >= set.images || seen[id].fetch_add(1) != 0)
        throw Error(ErrorKind::kInternal, "sample " + std::to_string(id) + " came twice, or is none");
      if (batch.labels[row] != id / per_identity)
        throw Error(ErrorKind::kInternal, "sample " + std::to_string(id) + " came with another's label");
    }
    progress.sum += checksum(batch.images);
    if (const std::size_t place = progress.remade; step % every == 0 && place < kMostRemade) {
      const auto row = static_cast<std::uint32_t>(step * 7 % rows);
      progress.remade_rows[place] = {step, row, batch.ids[row],
                                     checksum(batch.images.subspan(row * row_bytes, row_bytes))};
      progress.remade = place + 1;
    }
    ring.release(batch.slot);
    progress.rows += rows;
  }
  ring.goodbye();
}

struct Moment {
  double seconds = 0;
  double cpu_us = 0;  // of the service
  std::uint64_t rows = 0;
  Memory memory;
};

double pictures_a_second(const Moment& from, const Moment& to) {
  return static_cast<double>(to.rows - from.rows) / (to.seconds - from.seconds);
}

double cpu_of_a_picture(const Moment& from, const Moment& to) {
  return (to.cpu_us - from.cpu_us) / static_cast<double>(to.rows - from.rows);
}

// The moments of the epoch, at most 200 ms apart until all rows have come or a process has ended.
std::vector<Moment> watch(ServiceProcess& service, const std::vector<ChildProcess>& consumers,
                          const Progress* progress, std::uint64_t rows) {
  std::vector<Moment> moments;
  const auto start = Steady::now();
  while (true) {
    bool running = true;
    for (const ChildProcess& consumer : consumers) running &= consumer.running();
    Moment now;
    if (service.process().running()) {
      now.cpu_us = service.process().cpu_us();
      now.memory = memory_of(service.process().pid());
    }
    now.seconds = std::chrono::duration<double>(Steady::now() - start).count();
    for (int i = 0; i < kConsumers; ++i) now.rows += progress[i].rows;
    if (now.rows == rows || !running) return moments;
    if (now.rows > 0 && (moments.empty() || now.rows > moments.back().rows)) moments.push_back(now);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

const Moment& moment_at(const std::vector<Moment>& moments, double rows) {
  const auto at = std::find_if(moments.begin(), moments.end(),
                               [&](const Moment& m) { return static_cast<double>(m.rows) >= rows; });
  return at == moments.end() ? moments.back() : *at;
}

std::size_t rows_made_again(const BigSet& set, const Config& config, const Progress* progress) {
  const OpenedSource opened = open_source(set.path);
  const Source& source = *opened.source;
  const IdentityIndex identities(source);
  BadPictures bad(set.path + ".bad_images.txt", 0);
  RowFiller filler(config, Dtype::kF16, source, identities, bad);
  const PlanShape shape = plan_shape(config, source.size(), kConsumers);
  const EpochOrder order(shape, 0);
  std::vector<std::byte> row(std::size_t{112} * 112 * 3 * 2);
  std::size_t same = 0;
  for (std::uint32_t rank = 0; rank < kConsumers; ++rank)
    for (std::size_t i = 0; i < progress[rank].remade; ++i) {
      const RemadeRow& got = progress[rank].remade_rows[i];
      const RowFiller::Row made = filler.fill(order, 0, shape.position(got.step, rank, got.row), row);
      if (made.id != got.id || checksum(row) != got.sum)
        throw Error(ErrorKind::kInternal, "sample " + std::to_string(got.id) + " came with other pixels");
      ++same;
    }
  return same;
}

bool verdict(const char* what, bool good) {
  std::printf("%s: %s\n", what, good ? "yes" : "NO");
  return good;
}

bool report(const BigSet& set, const std::vector<Moment>& moments, double opened_after_s) {
  const double n = set.images;
  const Moment &first = moments.front(), &tenth = moment_at(moments, n / 10),
               &nine_tenths = moment_at(moments, n * 0.9), &last = moments.back();
  if (tenth.rows == first.rows || last.rows == nine_tenths.rows)
    throw Error(ErrorKind::kInput, "too few pictures for a rate in the first and the last tenth: give more");
  std::printf("opened (indexed) in %.2f s\n", opened_after_s);
  std::printf("\n%10s %12s %14s %12s %14s\n", "seconds", "pictures", "anonymous MiB", "ring MiB",
              "mapped MiB");
  double least = 1e18, most = 0;
  const std::size_t every = std::max<std::size_t>(1, moments.size() / 24);
  for (std::size_t i = 0; i < moments.size(); ++i) {
    const Moment& m = moments[i];
    if (m.rows >= tenth.rows) {
      least = std::min(least, m.memory.anonymous + m.memory.shared);
      most = std::max(most, m.memory.anonymous + m.memory.shared);
    }
    if (i % every == 0 || i + 1 == moments.size())
      std::printf("%10.1f %12llu %14.1f %12.1f %14.1f\n", m.seconds, static_cast<unsigned long long>(m.rows),
                  m.memory.anonymous, m.memory.shared, m.memory.files);
  }
  const double start_rate = pictures_a_second(first, tenth), end_rate = pictures_a_second(nine_tenths, last);
  const double start_cpu = cpu_of_a_picture(first, tenth), end_cpu = cpu_of_a_picture(nine_tenths, last);
  std::printf("\nmemory of the service after the first tenth: %.1f to %.1f MiB (anonymous and the ring)\n",
              least, most);
  std::printf("pictures a second: first tenth %.0f, last tenth %.0f, whole %.0f\n", start_rate, end_rate,
              pictures_a_second(first, last));
  std::printf("processor time a picture: first tenth %.1f us, last tenth %.1f us\n", start_cpu, end_cpu);
  std::printf("the epoch took %.1f s\n", last.seconds);
  const bool flat = verdict("memory flat (within 2 %)", most <= least * 1.02);
  const bool rate = verdict("rate equal within 5 %", std::abs(end_rate / start_rate - 1) <= 0.05);
  verdict("processor time a picture equal within 5 %", std::abs(end_cpu / start_cpu - 1) <= 0.05);
  return flat && rate;
}

int run(const std::string& folder, std::uint32_t images, std::uint32_t identities, const std::string& order) {
  if (images % (kBatch * kConsumers) != 0 || identities == 0 || images % identities != 0)
    throw Error(ErrorKind::kConfig, "--images must be a multiple of 500 and of --ids");
  const BigSet set = write_big_set(folder, images, identities);
  std::printf(
      "%u pictures, all different, of %u identities: %.2f GB, %.0f bytes each on average; made in %.1f s\n",
      set.images, set.identities, static_cast<double>(set.jpeg_bytes) / 1e9,
      static_cast<double>(set.jpeg_bytes) / set.images, set.seconds);
  const bool large_enough = verdict("at least 4 KB on average", set.jpeg_bytes / images >= 4096);
  std::fflush(stdout);
  Config config = whole_chain(kBatch, 1);
  config.data.order = order;
  auto* const progress = shared<Progress>(kConsumers);
  auto* const seen = shared<std::atomic<std::uint8_t>>(images);
  ServiceProcess service(config, kConsumers, usable_processors(),
                         [&] { return std::move(open_source(set.path).source); });
  std::vector<ChildProcess> consumers;
  for (int rank = 0; rank < kConsumers; ++rank)
    consumers.emplace_back([&, rank] { consume(service.connect(rank), set, progress[rank], seen); });
  const std::vector<Moment> moments = watch(service, consumers, progress, images);
  for (ChildProcess& consumer : consumers) consumer.wait();
  service.process().wait();
  const bool good = report(set, moments, service.opened_after_s());
  const bool once = std::all_of(seen, seen + images, [](const auto& times) { return times == 1; });
  verdict("every sample came exactly once, with its label", once);
  std::printf("rows made again from the source with the same pixels: %zu\n",
              rows_made_again(set, config, progress));
  std::printf("checksum of all pixels: %016llx\n",
              static_cast<unsigned long long>(progress[0].sum + progress[1].sum));
  return good && once && large_enough ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 5 || (std::string_view(argv[4]) != "chunked" && std::string_view(argv[4]) != "exact"))
      throw Error(ErrorKind::kConfig, "usage: bench_big FOLDER IMAGES IDENTITIES chunked|exact");
    return run(argv[1], static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10)),
               static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)), argv[4]);
  } catch (...) {
    const Failure failure = current_failure();
    std::cerr << "big: " << failure.text << "\n";
    return failure.code;
  }
}
