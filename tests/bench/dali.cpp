// bench_dali, row 6: decode + flip + normalise to float32, channels-last, one thread: our decoder and
// RowWriter beside NVIDIA DALI's CPU pipeline (dali_peer.py) and FFCV's (ffcv_peer.py). FACETRAIN_PYTHON
// names a Python that has them. Every second picture is flipped; both write batches of 128 rows. Processor
// time of all the peer's threads.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "dataservice/augment/row_writer.hpp"
#include "dataservice/decode/decoder.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/peer_process.hpp"
#include "tests/bench/pictures.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

constexpr int kRounds = 7;
constexpr double kTarget = 1.2;
constexpr std::size_t kBatch = 128, kElements = std::size_t{112} * 112 * 3;

struct PeerKind {
  const char* name;
  const char* script;
  double tolerance;  // of a normalised value; a step of a pixel is 2 / 255 = .0078
  const char* about;
};
constexpr PeerKind kPeers[] = {
    {"NVIDIA DALI on the CPU", "dali_peer.py", 1e-6, "the same pixels, normalised in another order"},
    {"FFCV", "ffcv_peer.py", 0.1, "its decoder is told to use the fast, inexact DCT"},
};

class Ours {
 public:
  void write(std::span<const std::byte> jpeg, std::size_t index) {
    decoder_->decode(jpeg, image_);
    writer_.write(image_, index % 2 == 1, std::nullopt, std::as_writable_bytes(row(index)));
  }
  std::span<float> row(std::size_t index) {
    return std::span(batch_).subspan(index % kBatch * kElements, kElements);
  }

 private:
  std::unique_ptr<Decoder> decoder_ = make_decoder();
  Image image_;
  RowWriter writer_{Dtype::kF32};
  std::vector<float> batch_ = std::vector<float>(kBatch * kElements);
};

void compare(const Pictures& pictures, std::size_t count, Ours& ours, const PeerKind& kind,
             PeerProcess& peer) {
  std::vector<float> theirs(kElements);
  double largest = 0, sum = 0;
  peer.tell("check");
  for (std::size_t i = 0; i < count; ++i) {
    peer.read(std::as_writable_bytes(std::span(theirs)));
    ours.write(pictures.all()[i], i);
    const std::span<const float> own = ours.row(i);
    for (std::size_t k = 0; k < kElements; ++k) {
      const double off = std::abs(static_cast<double>(own[k]) - static_cast<double>(theirs[k]));
      largest = std::max(largest, off);
      sum += off;
    }
  }
  std::printf("  pixels: off by at most %.3g, %.3g on average; tolerance %g: %s\n", largest,
              sum / static_cast<double>(count * kElements), kind.tolerance, kind.about);
  if (!(largest <= kind.tolerance)) throw Error(ErrorKind::kInternal, "the peer's pixels are not ours");
}

void run(Quality quality, const std::string& name, const PeerKind& kind, const std::string& python) {
  const std::string what = "decode + flip + normalise to float32, " + name + " / " + kind.name;
  const Pictures pictures(quality);
  try {
    PeerProcess peer({python, std::string(FACETRAIN_BENCH_SOURCE_DIR) + "/" + kind.script, pictures.file()});
    std::string said = peer.line();
    for (; !said.starts_with("ready "); said = peer.line()) std::printf("  %s\n", said.c_str());
    const std::size_t count = pictures.all().size() / kBatch * kBatch;
    std::printf("%s, peer %s, %zu pictures\n", name.c_str(), said.c_str() + 6, count);
    Ours ours;
    compare(pictures, count, ours, kind, peer);
    const auto by_ours = [&] {
      return measure(Clock::kThread, [&] {
        for (std::size_t i = 0; i < count; ++i) ours.write(pictures.all()[i], i);
      });
    };
    const auto timings = interleave(kRounds, count, {by_ours, [&] { return peer.cost_of("round"); }});
    std::printf("  %s\n  %s\n", describe("ours", timings[0]).c_str(), describe("peer", timings[1]).c_str());
    print_row(6, cpu_ratio(timings[0], timings[1]), kTarget, what);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInput) throw;
    print_not_run(6, kTarget, what, error.what());
  }
}

}  // namespace

int main(int count, char** values) {
  if (!wanted({values, static_cast<std::size_t>(count)}, 6)) return 0;
  try {
    const char* python = std::getenv("FACETRAIN_PYTHON");
    for (const PeerKind& kind : kPeers) {
      if (python == nullptr || *python == '\0') {
        print_not_run(6, kTarget, std::string("decode + flip + normalise / ") + kind.name,
                      "FACETRAIN_PYTHON is not set");
        continue;
      }
      run(Quality::k90, "q90 4:2:0", kind, python);
      run(Quality::k95, "q95 4:4:4", kind, python);
    }
    return 0;
  } catch (...) {
    std::cerr << "dali: " << current_failure().text << "\n";
    return 1;
  }
}
