// What the cases of tests/mpi/ share: every rank runs the same cases in the same order, and gets the session
// and a communicator over all ranks from here. A rank that fails between collectives cannot hang the others:
// at the end of each case all ranks meet, and one that waits there in vain ends the job (see mpi_main.cpp).
#pragma once

#include "common/mpi/session.hpp"
#include "trainer/comm/communicator.hpp"

namespace facetrain::test {

MpiSession& session();
Communicator& world();  // MpiCommunicator over a copy of MPI_COMM_WORLD

}  // namespace facetrain::test
