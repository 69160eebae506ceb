// The time in which nobody watches anybody: until a job's processes have come together, and after they have
// parted. One that is stopped then would be waited for for ever (common/mpi/job_watch.hpp watches in
// between).
#pragma once

#include <string>

#include "common/launch/machine.hpp"
#include "common/watch/time_limit.hpp"

namespace facetrain {

// After 300 s this process says that the job's processes have not come together, or parted, and leaves with
// 70, which ends the job. Rank 0 is the first to speak, by the launcher's variables; the others leave it ten
// seconds, or twenty. program: "trainer", "dataservice". FACETRAIN_TEST_START=N in the environment, of tests:
// N seconds.
TimeLimit::Rule start_limit(const std::string& program, const Environment& environment);
TimeLimit::Rule end_limit(const std::string& program, const Environment& environment);

}  // namespace facetrain
