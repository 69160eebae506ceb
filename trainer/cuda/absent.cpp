// trainer/cuda/ in a CPU-only build: no devices, and nothing that needs one can be made.
#include <string>

#include "common/error.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/cuda/batch_copy.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/cuda/scalar_copy.hpp"
#include "trainer/step/phase_timer.hpp"

namespace facetrain {
namespace {

[[noreturn]] void absent(const char* what) {
  throw Error(ErrorKind::kInternal,
              std::string(what) + ": this is a CPU-only build; configure with -DFACETRAIN_CUDA=ON");
}

}  // namespace

int device_count() {
  return 0;
}
const char* why_no_device() {
  return "CPU-only build";
}
c10::Device training_device(const Topology& topology, const config_types::Ints& gpus) {
  (void)picked_gpu(topology, gpus);  // of a test: is the launch as it should be?
  return c10::Device(c10::kCPU);
}

std::unique_ptr<Communicator> make_nccl_communicator(MpiComm, c10::Device) {
  absent("NCCL");
}

std::unique_ptr<PhaseTimer> make_gpu_phase_timer(at::Device) {
  absent("timing a GPU");
}

struct SlotCopy::State {
  std::vector<at::Tensor> tensors;
};
struct SlotCopier::Stream {};

struct ScalarCopy::State {
  double value;
};
ScalarCopy::ScalarCopy(const at::Tensor& scalar)
    : state_(std::make_shared<State>(State{scalar.item<double>()})) {}
bool ScalarCopy::arrived() const {
  return true;
}
double ScalarCopy::value() const {
  return state_->value;
}

HostRegistration::HostRegistration(void*, std::size_t) {
  absent("registering host memory with CUDA");
}
HostRegistration::~HostRegistration() = default;
bool SlotCopy::slot_free() const {
  return true;
}
void SlotCopy::wait_slot_free() const {}
const std::vector<at::Tensor>& SlotCopy::tensors() const {
  return state_->tensors;
}
SlotCopier::SlotCopier(at::Device) {
  absent("copying to a GPU");
}
SlotCopy SlotCopier::copy(const std::vector<at::Tensor>&) const {
  absent("copying to a GPU");
}

}  // namespace facetrain
