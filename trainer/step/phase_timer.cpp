#include "trainer/step/phase_timer.hpp"

#include <chrono>

namespace facetrain {
namespace {

class CpuPhaseTimer final : public PhaseTimer {
 public:
  void mark(const char*) override { marks_.push_back(std::chrono::steady_clock::now()); }
  std::vector<double> spans() override {
    std::vector<double> spans;
    for (std::size_t i = 1; i < marks_.size(); ++i)
      spans.push_back(std::chrono::duration<double>(marks_[i] - marks_[i - 1]).count());
    marks_.clear();
    return spans;
  }

 private:
  std::vector<std::chrono::steady_clock::time_point> marks_;
};

}  // namespace

std::unique_ptr<PhaseTimer> make_phase_timer(at::Device device) {
  if (!device.is_cpu()) return make_gpu_phase_timer(device);
  return std::make_unique<CpuPhaseTimer>();
}

}  // namespace facetrain
