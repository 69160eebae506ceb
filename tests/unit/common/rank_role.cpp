#include "common/launch/rank_role.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"

using namespace facetrain;

namespace {

std::string role_complaint(const Environment& environment) {
  try {
    launcher_place(environment);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kConfig);
    return error.what();
  }
  return "";
}

// What srun --mpi=pmix gives task 4 of 2 nodes x 3 (Slurm 22.05).
Environment srun_task() {
  return {{"PMIX_NAMESPACE", "slurm.pmix.1.0"},
          {"PMIX_RANK", "4"},
          {"SLURM_LOCALID", "1"},
          {"SLURM_NODEID", "1"},
          {"SLURM_PROCID", "4"},
          {"SLURM_STEP_ID", "0"},
          {"SLURM_STEP_NUM_NODES", "2"},
          {"SLURM_STEP_NUM_TASKS", "6"},
          {"SLURM_STEP_TASKS_PER_NODE", "3(x2)"}};
}

// What mpirun gives its rank 5 of 2 nodes x 3 inside a Slurm job: the variables of its daemon, one task for
// each node, are there too.
Environment mpirun_in_slurm() {
  return {{"OMPI_COMM_WORLD_LOCAL_RANK", "2"},
          {"OMPI_COMM_WORLD_LOCAL_SIZE", "3"},
          {"OMPI_COMM_WORLD_SIZE", "6"},
          {"PMIX_NAMESPACE", "1234567"},
          {"PMIX_RANK", "5"},
          {"SLURM_LOCALID", "0"},
          {"SLURM_NODEID", "0"},
          {"SLURM_STEP_ID", "0"},
          {"SLURM_STEP_NUM_TASKS", "1"},
          {"SLURM_STEP_TASKS_PER_NODE", "1"}};
}

}  // namespace

TEST_CASE("a process of a many-node job is known by its local rank") {
  CHECK(launcher_place({{"OMPI_COMM_WORLD_LOCAL_RANK", "3"}}).local_rank == 3);
  const LauncherPlace slurm = launcher_place(srun_task());
  CHECK(slurm.launcher == Launcher::kSrun);
  CHECK(slurm.local_rank == 1);
  CHECK(slurm.node_processes == 3);
  const LauncherPlace mpirun = launcher_place(mpirun_in_slurm());
  CHECK(mpirun.launcher == Launcher::kMpirun);
  CHECK(mpirun.local_rank == 2);
  CHECK(mpirun.node_processes == 3);
  CHECK(role_of_local_rank(0) == Role::kService);
  CHECK(role_of_local_rank(1) == Role::kTrainer);
}

TEST_CASE("the inner launcher counts") {
  Environment environment = srun_task();
  environment["OMPI_COMM_WORLD_LOCAL_RANK"] = "0";  // left over from an mpirun around it
  CHECK(launcher_place(environment).local_rank == 1);
  environment = srun_task();  // PMI2, without PMIx's name space
  environment.erase("PMIX_NAMESPACE");
  environment.erase("PMIX_RANK");
  environment["PMI_RANK"] = "4";
  CHECK(launcher_place(environment).local_rank == 1);
}

TEST_CASE("the rank that a launcher tells, mpirun's first") {
  CHECK(launched_rank({}) == std::nullopt);
  CHECK(launched_rank({{"SLURM_PROCID", "3"}}) == 3);
  CHECK(launched_rank({{"PMIX_RANK", "0"}, {"SLURM_PROCID", "3"}}) == 0);
  CHECK(launched_rank({{"OMPI_COMM_WORLD_RANK", "2"}, {"PMIX_RANK", "0"}}) == 2);
  CHECK(launched_rank({{"OMPI_COMM_WORLD_RANK", "two"}, {"PMIX_RANK", "1"}}) == 1);
}

TEST_CASE("a TERM asks for a checkpoint under srun alone") {
  CHECK(stop_signals_of(srun_task()) == StopOn::kUsr1AndTerm);
  CHECK(stop_signals_of(mpirun_in_slurm()) == StopOn::kUsr1);
  CHECK(stop_signals_of({}) == StopOn::kUsr1);
  Environment batch_shell = srun_task();  // mpirun started by hand inside a step
  batch_shell["PMIX_NAMESPACE"] = "1234567";
  CHECK(stop_signals_of(batch_shell) == StopOn::kUsr1);
}

TEST_CASE("a wrong launch is answered with the command to use") {
  CHECK(role_complaint({}).starts_with("`facetrain rank` is started by mpirun or srun"));
  CHECK(role_complaint({{"OMPI_COMM_WORLD_LOCAL_RANK", "x"}}) ==
        "OMPI_COMM_WORLD_LOCAL_RANK is `x`, not a number from 0");
  CHECK(role_complaint({{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "prterun-1"}}).find("start two programs") !=
        std::string::npos);

  Environment without_mpi = srun_task();
  without_mpi.erase("PMIX_NAMESPACE");
  without_mpi.erase("PMIX_RANK");
  CHECK(role_complaint(without_mpi)
            .find("`srun --nodes=2 --ntasks-per-node=3 --mpi=pmix -K1 --cpu-bind=none "
                  "facetrain rank ...`") != std::string::npos);

  Environment alone = srun_task();
  alone["SLURM_STEP_TASKS_PER_NODE"] = "3,1";
  CHECK(role_complaint(alone).find("`srun --nodes=2 --ntasks-per-node=2 --mpi=pmix") != std::string::npos);
  alone["SLURM_NODEID"] = "0";
  CHECK(role_complaint(alone).empty());
  CHECK(role_complaint({{"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                        {"OMPI_COMM_WORLD_LOCAL_SIZE", "1"},
                        {"OMPI_COMM_WORLD_SIZE", "2"}})
            .find("`mpirun --bind-to none -np 4 --map-by ppr:2:node facetrain rank ...`") !=
        std::string::npos);
}

TEST_CASE("the command to use is the launcher's own") {
  CHECK(start_command(srun_task(), 2, 8) ==
        "srun --nodes=2 --ntasks-per-node=9 --mpi=pmix -K1 --cpu-bind=none facetrain rank ...");
  CHECK(start_command(mpirun_in_slurm(), 2, 8) ==
        "mpirun --bind-to none -np 18 --map-by ppr:9:node facetrain rank ...");
  CHECK(start_command({}, 1, 2) == "mpirun --bind-to none -np 1 dataservice ... : -np 2 trainer ...");
}

TEST_CASE("Slurm's tasks per node") {
  CHECK(tasks_of_node("3(x2),5,1(x3)", 0) == 3);
  CHECK(tasks_of_node("3(x2),5,1(x3)", 1) == 3);
  CHECK(tasks_of_node("3(x2),5,1(x3)", 2) == 5);
  CHECK(tasks_of_node("3(x2),5,1(x3)", 5) == 1);
  CHECK(tasks_of_node("3(x2)", 2) == 0);
  CHECK(tasks_of_node("3(x", 0) == 0);
  CHECK(tasks_of_node("", 0) == 0);
}
