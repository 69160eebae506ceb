// Row 10: reading encoded pictures, without decoding: from an LMDB and from a file for each picture, cold
// (their pages dropped from the page cache, which mincore confirms) and warm. Files in the order of the plan
// "exact", which is how the reference reads them; the pack in the order of "chunked" with the service's
// read-ahead, and on a line of its own in that of "exact". One thread reads, on the clock; names and inodes
// of the files stay in the kernel's caches, which is to the files' advantage.
//   bench_packed 10     FACETRAIN_BENCH_READS: how many pictures (default 20000; made once, then kept)
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/ipc/fd.hpp"
#include "common/plan/chunked_plan.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/serve/read_ahead.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/lmdb_source.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/pictures.hpp"

namespace facetrain::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEach = 50, kStep = 128;
constexpr std::uint32_t kShard = 2048, kWindow = 8192;  // several windows even in a small set
constexpr double kTarget = 5;

// A folder of files and an LMDB of the same pictures.
struct Set {
  std::string list, pack;
  std::vector<std::string> files;
};

Set make_set(std::uint32_t count) {
  const std::string folder = Pictures::pictures_folder() + "/reads-" + std::to_string(count);
  Set set{folder + "/list.txt", folder + "/pack.lmdb", {}};
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "/faces/%07u/%02u.jpg", i / kEach, i % kEach);
    set.files.push_back(folder + name);
    text += set.files.back() + "\n";
  }
  if (!fs::exists(set.list)) {
    const Pictures pictures(Quality::k90);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i % kEach == 0) fs::create_directories(fs::path(set.files[i]).parent_path());
      const auto picture = pictures.all()[i % pictures.all().size()];
      std::ofstream(set.files[i], std::ios::binary)
          .write(reinterpret_cast<const char*>(picture.data()), static_cast<std::streamsize>(picture.size()));
    }
    write_file_atomically(set.list, text);
  }
  pack_lmdb(ListSource(set.list), set.pack);
  const Fd opened(open(set.list.c_str(), O_RDONLY | O_CLOEXEC));
  syncfs(opened.get());  // a page that is not written yet could not be dropped
  return set;
}

// Drops the file's pages from the page cache; returns the share of them that is still there.
double drop(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto size = static_cast<std::size_t>(fs::file_size(path));
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  void* const at = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED) throw Error(ErrorKind::kIo, with_errno("map " + path, errno));
  std::vector<unsigned char> pages((size + 4095) / 4096);
  mincore(at, size, pages.data());
  munmap(at, size);
  return static_cast<double>(
             std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return p & 1; })) /
         static_cast<double>(pages.size());
}

// Reads every sample of the plan's epoch once.
void read_all(const Source& source, const PlanShape& shape, std::uint32_t epoch) {
  const EpochOrder order(shape, epoch);
  std::unique_ptr<ReadAhead> ahead;
  if (shape.strategy == Strategy::kChunked) ahead = std::make_unique<ReadAhead>(shape, epoch + 1, 0, source);
  std::vector<std::byte> bytes;
  for (std::uint64_t step = 0; step < shape.steps_per_epoch(); ++step) {
    if (ahead) ahead->reached(epoch, step);
    for (std::uint32_t row = 0; row < shape.batch; ++row) source.read(order.sample(step, 0, row), bytes);
  }
}

struct Ways {
  Set set;
  PlanShape exact, chunked;
  double still_there = 0;  // the worst share of pages left after a drop

  Cost files(bool cold) {
    const ListSource source(set.list);
    if (cold) {
      double left = 0;
      for (const std::string& file : set.files) left += drop(file);
      still_there = std::max(still_there, left / static_cast<double>(set.files.size()));
    }
    return measure(Clock::kProcess, [&] { read_all(source, exact, 0); });
  }
  // Opening the pack is part of the time: it maps the file, whose pages could not be dropped after it.
  Cost packed(bool cold, const PlanShape& shape) {
    if (cold) still_there = std::max(still_there, drop(set.pack));
    return measure(Clock::kProcess, [&] {
      LmdbSource pack(set.pack);
      if (shape.strategy == Strategy::kExact) pack.read_at_random();  // as the service has it
      read_all(pack, shape, 0);
    });
  }
};

void require_same_bytes(const Set& set) {
  const ListSource files(set.list);
  const LmdbSource pack(set.pack);
  std::vector<std::byte> a, b;
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    files.read(i, a);
    pack.read(i, b);
    if (a != b) throw Error(ErrorKind::kInternal, "the pack does not hold the bytes of " + files.name(i));
  }
}

void run() {
  const char* const reads = std::getenv("FACETRAIN_BENCH_READS");
  const auto count = static_cast<std::uint32_t>(reads != nullptr ? std::strtoul(reads, nullptr, 10) : 20'000);
  Ways ways{make_set(count), {.samples = count, .batch = kStep}, {.samples = count, .batch = kStep}};
  ways.chunked.strategy = Strategy::kChunked;
  ways.chunked.shard = kShard;
  ways.chunked.window = kWindow;
  require_same_bytes(ways.set);
  for (const bool cold : {true, false}) {
    const auto timings =
        interleave(cold ? 3 : 5, count,
                   {[&] { return ways.packed(cold, ways.chunked); },
                    [&] { return ways.packed(cold, ways.exact); }, [&] { return ways.files(cold); }});
    const std::string when = cold ? "cold" : "warm";
    std::printf("%s: %s; %s; %s\n", when.c_str(), describe("LMDB chunked", timings[0]).c_str(),
                describe("LMDB exact", timings[1]).c_str(), describe("files exact", timings[2]).c_str());
    if (cold) std::printf("cold: at most %.2f %% of the pages were still there\n", 100 * ways.still_there);
    if (cold && ways.still_there > 0.02) {
      print_not_run(10, kTarget, "packed / files, cold", "the page cache did not let go of the files");
      continue;
    }
    print_row(10, wall_ratio(timings[0], timings[2]), cold ? kTarget : 1,
              "packed in chunked order / a file for each picture, on the clock, " + when);
    print_row(10, wall_ratio(timings[1], timings[2]), 1,
              "packed in exact order / a file for each picture, on the clock, " + when);
  }
}

}  // namespace
}  // namespace facetrain::bench

int main(int argc, char** argv) {
  try {
    if (facetrain::bench::wanted({argv, static_cast<std::size_t>(argc)}, 10)) facetrain::bench::run();
    return 0;
  } catch (...) {
    const facetrain::Failure failure = facetrain::current_failure();
    std::fprintf(stderr, "bench_packed: %s\n", failure.text.c_str());
    return failure.code;
  }
}
