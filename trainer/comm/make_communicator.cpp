#include "trainer/comm/make_communicator.hpp"

#include <string>
#include <utility>

#include "common/error.hpp"
#include "common/host_name.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/cuda/device.hpp"

namespace facetrain {
namespace {

// NCCL and MPI side by side would wait for each other.
void require_one_kind(const MpiComm& trainers, at::Device device) {
  const std::string who = "trainer " + std::to_string(trainers.rank()) + " on " + host_name();
  const std::string own = device.is_cpu() ? "-" + who + " sees no GPU (" + why_no_device() + ")" : "+" + who;
  std::string with, without;
  for (const std::string& text : all_gather_texts(trainers, own)) {
    std::string& first = text.starts_with('+') ? with : without;
    if (first.empty()) first = text.substr(1);
  }
  if (!with.empty() && !without.empty())
    throw Error(ErrorKind::kConfig,
                without + ", but " + with +
                    " computes on one: all trainers must have a GPU, or none (CUDA_VISIBLE_DEVICES=\"\")");
}

}  // namespace

std::unique_ptr<Communicator> make_communicator(MpiComm trainers, at::Device device) {
  require_one_kind(trainers, device);
  if (device.is_cuda()) return make_nccl_communicator(std::move(trainers), device);
  return std::make_unique<MpiCommunicator>(std::move(trainers));
}

}  // namespace facetrain
