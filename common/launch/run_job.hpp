// Starts mpirun, stays its parent, hands signals on, and leaves no process behind.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace facetrain {

// What the first SIGINT, SIGTERM or SIGHUP does.
enum class FirstSignal {
  kCheckpoint,  // it becomes a SIGUSR1: the job finishes its step, writes a checkpoint and ends with 75
  kTerminate,   // the job stops at once
};

// Runs argv in a process group of its own and waits for its end. Its standard input is /dev/null, its
// standard error passes through MpirunMessages. SIGINT, SIGTERM and SIGHUP: after the first (see
// FirstSignal), the next becomes a SIGTERM to mpirun's group, the one after it a SIGKILL, as does mpirun's
// not having ended `grace` after the SIGTERM. SIGUSR1 goes on to mpirun, which hands it to every process.
// Should this process be killed, mpirun gets a SIGTERM. What mpirun leaves behind is killed; what cannot be
// (it hangs in a driver) is named after ten seconds. Returns mpirun's exit code, 128 + n when it was killed
// by signal n or when signal n ended the job (130: Ctrl-C). A process that SIGUSR1 kills, since it has only
// just started, counts as checkpointed: nothing is lost; so does a first signal that has come already and is
// held back: mpirun is not started then. Throws Error(kConfig) when argv[0] cannot be
// started.
int run_job(const std::vector<std::string>& argv, int node_processes, FirstSignal first,
            std::chrono::seconds grace = std::chrono::seconds(30));

}  // namespace facetrain
