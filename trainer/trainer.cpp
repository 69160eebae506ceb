// trainer: one rank of a training or embedding job, one per GPU (or per share of the CPU).
#include <unistd.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <thread>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/io/folder_lock.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/launch/rank_role.hpp"
#include "common/mpi/job.hpp"
#include "common/mpi/job_watch.hpp"
#include "common/mpi/session.hpp"
#include "common/stop_signal.hpp"
#include "common/watch/start_limit.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/run/embedding.hpp"
#include "trainer/run/out_of_memory.hpp"
#include "trainer/run/training.hpp"
#include "trainer/step/keep_freed_memory.hpp"

namespace facetrain {
namespace {

// The exit code.
int run(MpiSession& mpi, const Job& job, bool progress, StopSignal& stop, std::optional<TimeLimit>& limit) {
  // Before the watch, which begins on all processes together: the data services then write into the folder.
  std::optional<FolderLock> lock;
  if (job.topology.trainer_rank == 0 && !is_embedding(job.config)) {
    std::error_code ignored;  // the lock says what is wrong
    std::filesystem::create_directories(run_folder(job.config), ignored);
    lock.emplace(run_folder(job.config));
    if (!lock->warning().empty())
      std::cerr << process_name("trainer", mpi.rank()) + ": " + lock->warning() + "\n" << std::flush;
  }
  JobWatch watch(mpi, job, stop);
  limit.reset();
  report_place(job.topology, picked_gpu(job.topology, job.config.launch.gpus));
  RunEnd end = RunEnd::kFinished;
  if (is_embedding(job.config))
    run_embedding(mpi, job, progress, watch.vitals());
  else
    end = run_training(mpi, job, progress, stop, watch.vitals());
  watch.end();
  limit.emplace(end_limit("trainer", this_environment()));
  return end == RunEnd::kFinished ? 0 : kExitCheckpointed;
}

}  // namespace
}  // namespace facetrain

int main(int argc, char** argv) {
  using namespace facetrain;
  keep_freed_memory();
  // A GPU's error that stays makes LibTorch throw it again where tensors are freed on the way to the catch
  // below.
  std::set_terminate([] {
    std::cerr << process_name("trainer", launched_rank(this_environment()).value_or(-1)) + ": " +
                     (std::current_exception() ? current_failure().text : "ended by std::terminate") + "\n"
              << std::flush;
    _exit(exit_code(ErrorKind::kInternal));
  });
  std::optional<TimeLimit> limit;  // of what comes before and after the watch: until MPI is finalised
  std::optional<MpiSession> mpi;
  std::optional<Job> job;
  try {
    StopSignal stop(stop_signals_of(this_environment()));  // before any thread
    limit.emplace(start_limit("trainer", this_environment()));
    mpi.emplace();
    const JobArguments arguments = parse_job_arguments({argv, static_cast<std::size_t>(argc)});
    job = join_job(*mpi, Role::kTrainer, arguments);
    return run(*mpi, *job, arguments.progress, stop, limit);
  } catch (...) {
    const Failure failure = current_failure(job ? &job->config : nullptr);
    // What all trainers meet is reported once: the later ones give the first time to end the job.
    if (mpi && mpi->rank() > 1) std::this_thread::sleep_for(std::chrono::seconds(1));
    std::cerr << process_name("trainer", mpi ? mpi->rank() : -1) + ": " + failure.text + "\n";
    if (mpi) mpi->abort(failure.code);
    return failure.code;
  }
}
