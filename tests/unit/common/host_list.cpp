#include "common/launch/host_list.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "common/error.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

using Hosts = std::vector<std::string>;

TEST_CASE("Slurm's node lists") {
  CHECK(expand_node_list("") == Hosts{});
  CHECK(expand_node_list("n1") == Hosts{"n1"});
  CHECK(expand_node_list("n[1-2,07],login,gpu[08-10]") ==
        Hosts{"n1", "n2", "n07", "login", "gpu08", "gpu09", "gpu10"});
  CHECK(expand_node_list("n[1-2]r[1-2]") == Hosts{});  // not read
  CHECK(expand_node_list("n[2-1]") == Hosts{});
  CHECK(expand_node_list("n[1-") == Hosts{});
  CHECK(expand_node_list("n[0-999999999999]") == Hosts{});
}

TEST_CASE("hostfiles") {
  CHECK(hostfile_hosts("# nodes\n\nn1 slots=3\nn2\n n1 slots=1\n") == Hosts{"n1", "n2"});
}

TEST_CASE("a job's nodes: the hostfile's, else the Slurm job's") {
  const test::TemporaryFolder folder;
  const std::string file = folder / "hosts";
  std::ofstream(file) << "a slots=2\nb\n";
  const Environment slurm{{"SLURM_JOB_NODELIST", "n[1-2]"}};
  CHECK(job_hosts(file, slurm) == Hosts{"a", "b"});
  CHECK(job_hosts("", slurm) == Hosts{"n1", "n2"});
  CHECK(job_hosts("", {}) == Hosts{});
  CHECK_THROWS_AS(job_hosts(folder / "none", {}), Error);
  std::ofstream(file, std::ios::trunc) << "# nothing\n";
  CHECK_THROWS_AS(job_hosts(file, {}), Error);
}
