// What the index of a data set costs. `bench_open_source SOURCE` opens it as the service does and prints
//   images N classes N wall_s T cpu_s T peak_bytes N held_bytes N index_s T digest D
// peak: the largest resident memory while it opened, above that before (VmHWM); held: what is allocated
// afterwards; index: the wall time of the samples of each identity; digest: SHA-256 of "PATH<tab>LABEL\n" of
// all (with --no-digest: -). `bench_open_source --permutation N`: five times that of an epoch's order.
#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>

#include "common/plan/sample_plan.hpp"
#include "common/sha256.hpp"
#include "dataservice/source/identity_index.hpp"
#include "dataservice/source/make_source.hpp"

using namespace facetrain;

namespace {

double wall() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double processor() {  // of all threads
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

// A line of /proc/self/status, in bytes. Not ru_maxrss: that one begins with the parent's.
long memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (long kilobytes = 0; word == name + ":" && status >> kilobytes) return kilobytes * 1024;
  return 0;
}

long held() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<long>(info.uordblks + info.hblkhd);
}

std::string digest(const Source& source) {
  Sha256 sum;
  for (std::uint32_t i = 0; i < source.size(); ++i) {
    const std::string line = source.name(i) + "\t" + std::to_string(source.label(i)) + "\n";
    sum.add(std::as_bytes(std::span(line)));
  }
  return sum.hex();
}

void permutations(std::uint32_t n) {
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
    const double start = wall(), used = processor();
    const auto order = torch_randperm(n, 2048 + epoch);
    std::printf("permutation of %zu: wall_s %.4f cpu_s %.4f\n", order.size(), wall() - start,
                processor() - used);
  }
}

void open(const std::string& path, bool with_digest) {
  const long peak = memory("VmRSS"), before = held();
  const double start = wall(), used = processor();
  const OpenedSource opened = open_source(path);
  const double seconds = wall() - start, work = processor() - used;
  const long peak_bytes = memory("VmHWM") - peak, held_bytes = held() - before;
  const double second = wall();
  const IdentityIndex identities(*opened.source);
  const double index = wall() - second;
  std::printf(
      "images %u classes %u wall_s %.4f cpu_s %.4f peak_bytes %ld held_bytes %ld index_s %.4f digest %s\n",
      opened.source->size(), opened.source->classes(), seconds, work, peak_bytes, held_bytes,
      identities.samples_of(0).empty() ? 0 : index, with_digest ? digest(*opened.source).c_str() : "-");
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string what = argc > 1 ? argv[1] : "", more = argc > 2 ? argv[2] : "";
  if (what.empty())
    throw std::runtime_error("usage: bench_open_source SOURCE [--no-digest] | --permutation N");
  if (what == "--permutation")
    permutations(static_cast<std::uint32_t>(std::stoul(more)));
  else
    open(what, more != "--no-digest");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_open_source: %s\n", error.what());
  return 70;
}
