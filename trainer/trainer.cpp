// trainer: one rank of a training or embedding job, one per GPU (or per share of the CPU).
#include <c10/util/Exception.h>

#include <chrono>
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
#include "trainer/cuda/device.hpp"
#include "trainer/run/embedding.hpp"
#include "trainer/run/out_of_memory.hpp"
#include "trainer/run/training.hpp"
#include "trainer/step/keep_freed_memory.hpp"

namespace facetrain {
namespace {

// The exit code.
int run(MpiSession& mpi, const JobArguments& arguments, StopSignal& stop) {
  const Job job = join_job(mpi, Role::kTrainer, arguments);
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
  const c10::Device device = training_device(job.topology, job.config.launch.gpus);
  report_place(job.topology, device.is_cpu() ? kOnCpu : device.index());
  try {
    if (is_embedding(job.config)) {
      run_embedding(mpi, job, arguments.progress, watch.vitals());
      watch.end();
      return 0;
    }
    const RunEnd end = run_training(mpi, job, arguments.progress, stop, watch.vitals());
    watch.end();
    return end == RunEnd::kFinished ? 0 : kExitCheckpointed;
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorKind::kConfig, out_of_memory_text(error.what(), job.config));
  }
}

}  // namespace
}  // namespace facetrain

int main(int argc, char** argv) {
  facetrain::keep_freed_memory();
  std::optional<facetrain::MpiSession> mpi;
  try {
    // Before any thread.
    facetrain::StopSignal stop(facetrain::stop_signals_of(facetrain::this_environment()));
    mpi.emplace();
    return facetrain::run(*mpi, facetrain::parse_job_arguments({argv, static_cast<std::size_t>(argc)}), stop);
  } catch (...) {
    const facetrain::Failure failure = facetrain::current_failure();
    // What all trainers meet is reported once: the later ones give the first time to end the job.
    if (mpi && mpi->rank() > 1) std::this_thread::sleep_for(std::chrono::seconds(1));
    std::cerr << facetrain::process_name("trainer", mpi ? mpi->rank() : -1) + ": " + failure.text + "\n";
    if (mpi) mpi->abort(failure.code);
    return failure.code;
  }
}
