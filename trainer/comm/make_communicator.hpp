// The communicator for a device: MPI for the CPU, NCCL for a CUDA device.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "common/mpi/communicators.hpp"
#include "trainer/comm/communicator.hpp"

namespace facetrain {

// Takes the trainers' MPI communicator over (NCCL agrees on its id through it). Collective over `trainers`.
// Throws Error(kConfig) when some trainers have a GPU and others none, or two would share one,
// Error(kInternal) for NCCL's errors.
std::unique_ptr<Communicator> make_communicator(MpiComm trainers, at::Device device);

// The CUDA half of it; throws Error(kInternal) in a CPU-only build. Defined in trainer/cuda/.
std::unique_ptr<Communicator> make_nccl_communicator(MpiComm trainers, at::Device device);

}  // namespace facetrain
