// Which program a process of a many-node job becomes, decided before MPI_Init from what its launcher puts
// into the environment: mpirun (Open MPI 4 and 5), or Slurm's srun with PMIx. Pure: the environment is an
// argument. A job whose launcher starts two programs (mpirun's `:`, srun --multi-prog) needs none of this:
// dataservice and trainer know what they are, and find their places through MPI.
#pragma once

#include <optional>
#include <string>

#include "common/launch/machine.hpp"
#include "common/stop_signal.hpp"
#include "common/topology.hpp"

namespace facetrain {

enum class Launcher { kMpirun, kSrun };

// Where a launcher has put this process.
struct LauncherPlace {
  Launcher launcher = Launcher::kMpirun;
  int local_rank = 0;      // index among the job's processes on this node
  int node_processes = 0;  // how many these are; 0: the launcher does not say
};

// Inside `srun` inside an allocation that mpirun's environment has leaked into, and the other way round, the
// inner launcher counts: PMIX_NAMESPACE tells it. Throws Error(kConfig) with the command to use: no launcher,
// one that gives no local index, srun without MPI, or a node with fewer than two processes.
LauncherPlace launcher_place(const Environment& environment);

// The first process of a node is its data service, the others are trainers.
Role role_of_local_rank(int local_rank);

// This process's rank in the job, for who speaks before MPI is up or when nothing else is at hand; nothing
// where no launcher tells one.
std::optional<int> launched_rank(const Environment& environment);

// What asks a process of a job to stop. Under srun a TERM too: Slurm sends one to every process at preemption
// and `scancel`, and the KILL no sooner than KillWait (30 s) later. (With -K1 also when another process has
// died: see common/mpi/job_watch.hpp.) mpirun kills 2 s after its TERM.
StopOn stop_signals_of(const Environment& environment);

// The command that starts `trainers` trainers and a data service on each of `nodes` nodes, for this launcher,
// as a message shows it: the jobs's own arguments are "...".
std::string start_command(const Environment& environment, int nodes, int trainers);

// The number of processes on node `node` in Slurm's form "3(x2),5": nodes in order, equal neighbours joined.
// 0 where the text does not say.
int tasks_of_node(const std::string& tasks_per_node, int node);

}  // namespace facetrain
