// trainer: one rank of a training or embedding job, one per GPU (or per share of the CPU).
#include <chrono>
#include <iostream>
#include <optional>
#include <thread>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/mpi/job.hpp"
#include "common/mpi/session.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/run/embedding.hpp"
#include "trainer/run/training.hpp"
#include "trainer/step/keep_freed_memory.hpp"

namespace facetrain {
namespace {

void run(MpiSession& mpi, const JobArguments& arguments) {
  const Job job = join_job(mpi, Role::kTrainer, arguments);
  const c10::Device device = training_device(job.topology, job.config.launch.gpus);
  report_place(job.topology, device.is_cpu() ? kOnCpu : device.index());
  if (is_embedding(job.config)) {
    run_embedding(mpi, job, arguments.progress);
  } else {
    run_training(mpi, job, arguments.progress);
  }
}

}  // namespace
}  // namespace facetrain

int main(int argc, char** argv) {
  facetrain::keep_freed_memory();
  std::optional<facetrain::MpiSession> mpi;
  try {
    mpi.emplace();
    facetrain::run(*mpi, facetrain::parse_job_arguments({argv, static_cast<std::size_t>(argc)}));
    return 0;
  } catch (...) {
    const facetrain::Failure failure = facetrain::current_failure();
    // What all trainers meet is reported once: the later ones give the first time to end the job.
    if (mpi && mpi->rank() > 1) std::this_thread::sleep_for(std::chrono::seconds(1));
    std::cerr << facetrain::process_name("trainer", mpi ? mpi->rank() : -1) + ": " + failure.text + "\n";
    if (mpi) mpi->abort(failure.code);
    return failure.code;
  }
}
