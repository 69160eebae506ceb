#include "trainer/comm/make_communicator.hpp"

#include <utility>

#include "trainer/comm/mpi_communicator.hpp"

namespace facetrain {

std::unique_ptr<Communicator> make_communicator(MpiComm trainers, at::Device device) {
  if (device.is_cuda()) return make_nccl_communicator(std::move(trainers), device);
  return std::make_unique<MpiCommunicator>(std::move(trainers));
}

}  // namespace facetrain
