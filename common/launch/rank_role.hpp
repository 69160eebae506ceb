// Which program a process of a many-node job becomes: decided before MPI_Init, from what mpirun puts into the
// environment.
#pragma once

#include "common/launch/machine.hpp"
#include "common/topology.hpp"

namespace facetrain {

// This process's index on its node, from OMPI_COMM_WORLD_LOCAL_RANK, else SLURM_LOCALID. Throws
// Error(kConfig) without either.
int local_rank(const Environment& environment);

// The first process of a node is its data service, the others are trainers.
Role role_of_local_rank(int local_rank);

}  // namespace facetrain
