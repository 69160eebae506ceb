// Heartbeats between the ranks of a job in which all is well; what happens when it is not:
// tests/e2e/faults.sh.
#include "common/mpi/job_watch.hpp"

#include <chrono>
#include <ctime>
#include <thread>

#include "tests/mpi/world.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::session;

TEST_CASE("a job that beats costs next to no processor, and ends with its last rank") {
  Job job;
  job.topology.world_rank = session().rank();
  job.topology.world_size = session().size();
  job.config.limits.silence = 3;
  {
    StopSignal stop(StopOn::kUsr1);
    JobWatch watch(session(), job, stop);
    CHECK(watch.vitals().beat() == Beat{});
    session().run(
        [](MPI_Request* request) { check_mpi(MPI_Ibarrier(MPI_COMM_WORLD, request), "MPI_Ibarrier"); });
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    std::this_thread::sleep_for(std::chrono::seconds(7));  // longer than any rank waits for a beat
    CHECK(static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC < 0.5);
    if (session().rank() == session().size() - 1) std::this_thread::sleep_for(std::chrono::seconds(1));
    watch.end();
    CHECK(std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(7500));
    CHECK(watch.vitals().beat().activity == Activity::kEnding);
  }
  CHECK(session().call([] { return 7; }) == 7);
}
