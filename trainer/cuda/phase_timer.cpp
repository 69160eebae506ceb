// Events and NVTX ranges for trainer/step/phase_timer.hpp.
#include "trainer/step/phase_timer.hpp"

#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAStream.h>

#if __has_include(<nvtx3/nvToolsExt.h>)  // not in every set of CUDA headers
#include <nvtx3/nvToolsExt.h>
#endif

#include <optional>

#include "trainer/cuda/check_cuda.hpp"

namespace facetrain {
namespace {

// From one mark to the next. A range of the process, not of a thread: backward runs on one of its own.
class Range {
 public:
#if __has_include(<nvtx3/nvToolsExt.h>)
  explicit Range(const char* name) : id_(nvtxRangeStartA(name)) {}
  ~Range() {
    nvtxRangeEnd(id_);
  }
#else
  explicit Range(const char*) {}
#endif
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
#if __has_include(<nvtx3/nvToolsExt.h>)
  nvtxRangeId_t id_;
#endif
};

class GpuPhaseTimer final : public PhaseTimer {
 public:
  explicit GpuPhaseTimer(at::Device device) : device_(device) {}

  void mark(const char* phase) override {
    events_.emplace_back(cudaEventDefault);
    events_.back().record(c10::cuda::getCurrentCUDAStream(device_.index()));
    range_.reset();
    if (phase != nullptr) range_.emplace(phase);
  }

  std::vector<double> spans() override {
    std::vector<double> spans;
    if (!events_.empty()) events_.back().synchronize();
    for (std::size_t i = 1; i < events_.size(); ++i) {
      float milliseconds = 0;
      check_cuda(cudaEventElapsedTime(&milliseconds, events_[i - 1].event(), events_[i].event()),
                 "reading a step's times");
      spans.push_back(milliseconds / 1e3);
    }
    events_.clear();
    return spans;
  }

 private:
  at::Device device_;
  std::vector<c10::cuda::CUDAEvent> events_;
  std::optional<Range> range_;
};

}  // namespace

std::unique_ptr<PhaseTimer> make_gpu_phase_timer(at::Device device) {
  return std::make_unique<GpuPhaseTimer>(device);
}

}  // namespace facetrain
