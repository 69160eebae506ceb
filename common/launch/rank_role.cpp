#include "common/launch/rank_role.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

std::optional<int> whole_number(std::string_view text) {
  const auto number = parse_number<int>(text);
  return number && *number >= 0 ? number : std::nullopt;
}

std::string text_of(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

// Throws for a value that is no number; nothing where the variable is not set.
std::optional<int> number_of(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return {};
  const auto number = whole_number(found->second);
  if (!number)
    throw Error(ErrorKind::kConfig, std::string(name) + " is `" + found->second + "`, not a number from 0");
  return number;
}

// Slurm calls its steps' PMIx name spaces slurm.pmix.JOB.STEP. Without PMIx, mpirun's variables come first:
// its daemons are a step of Slurm's themselves, and their variables reach every process.
bool is_started_by_srun(const Environment& environment) {
  const std::string name_space = text_of(environment, "PMIX_NAMESPACE");
  if (!name_space.empty()) return name_space.starts_with("slurm.");
  return !environment.contains("OMPI_COMM_WORLD_LOCAL_RANK") && environment.contains("SLURM_STEP_ID");
}

std::string srun_command(int nodes, int trainers) {
  return "srun --nodes=" + std::to_string(nodes) + " --ntasks-per-node=" + std::to_string(1 + trainers) +
         " --mpi=pmix -K1 --cpu-bind=none facetrain rank ...";
}

// Throws where srun's processes would each be a job of their own.
void require_mpi_of_srun(const Environment& environment) {
  const bool has_mpi = environment.contains("PMIX_RANK") || environment.contains("PMI_RANK");
  if (has_mpi || number_of(environment, "SLURM_STEP_NUM_TASKS").value_or(1) <= 1) return;
  const int nodes = number_of(environment, "SLURM_STEP_NUM_NODES").value_or(1);
  const int tasks = tasks_of_node(text_of(environment, "SLURM_STEP_TASKS_PER_NODE"), 0);
  throw Error(ErrorKind::kConfig,
              "srun has started these processes without MPI, so that they do not know of each other: `" +
                  srun_command(std::max(1, nodes), std::max(1, tasks - 1)) +
                  "` (`srun --mpi=list` tells what your Slurm has)");
}

}  // namespace

int tasks_of_node(const std::string& tasks_per_node, int node) {
  std::string_view rest = tasks_per_node;
  int passed = 0;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string_view entry = rest.substr(0, comma);
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
    const auto bracket = entry.find("(x");
    const auto tasks = whole_number(entry.substr(0, bracket));
    std::optional<int> nodes = 1;
    if (bracket != entry.npos) {
      if (!entry.ends_with(")")) return 0;
      nodes = whole_number(entry.substr(bracket + 2, entry.size() - bracket - 3));
    }
    if (!tasks || !nodes) return 0;
    passed += *nodes;
    if (node < passed) return *tasks;
  }
  return 0;
}

LauncherPlace launcher_place(const Environment& environment) {
  LauncherPlace place;
  std::optional<int> local_rank;
  int nodes = 1;
  if (is_started_by_srun(environment)) {
    require_mpi_of_srun(environment);
    place.launcher = Launcher::kSrun;
    local_rank = number_of(environment, "SLURM_LOCALID");
    const int node = number_of(environment, "SLURM_NODEID").value_or(0);
    place.node_processes = tasks_of_node(text_of(environment, "SLURM_STEP_TASKS_PER_NODE"), node);
    nodes = number_of(environment, "SLURM_STEP_NUM_NODES").value_or(1);
  } else {
    local_rank = number_of(environment, "OMPI_COMM_WORLD_LOCAL_RANK");
    place.node_processes = number_of(environment, "OMPI_COMM_WORLD_LOCAL_SIZE").value_or(0);
    if (const auto world = number_of(environment, "OMPI_COMM_WORLD_SIZE"); world && place.node_processes > 0)
      nodes = std::max(1, *world / place.node_processes);
  }
  if (!local_rank && environment.contains("PMIX_RANK"))
    throw Error(ErrorKind::kConfig,
                "this launcher tells a process its rank (PMIX_RANK) but not its index on the node "
                "(OMPI_COMM_WORLD_LOCAL_RANK, SLURM_LOCALID): have it start two programs, `dataservice ...` "
                "once on each node and `trainer ...` for the others");
  if (!local_rank)
    throw Error(ErrorKind::kConfig,
                "`facetrain rank` is started by mpirun or srun (OMPI_COMM_WORLD_LOCAL_RANK and SLURM_LOCALID "
                "are not set); use `facetrain train --config FILE`");
  place.local_rank = *local_rank;
  if (place.node_processes == 1)
    throw Error(ErrorKind::kConfig,
                "one process on a node is too few, since its first one is the data service and trains "
                "nothing: `" +
                    start_command(environment, nodes, 1) + "` for one trainer on each node");
  return place;
}

std::optional<int> launched_rank(const Environment& environment) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"})
    if (const auto found = environment.find(name); found != environment.end())
      if (const auto rank = whole_number(found->second)) return rank;
  return {};
}

Role role_of_local_rank(int local_rank) {
  return local_rank == 0 ? Role::kService : Role::kTrainer;
}

StopOn stop_signals_of(const Environment& environment) {
  return is_started_by_srun(environment) ? StopOn::kUsr1AndTerm : StopOn::kUsr1;
}

std::string start_command(const Environment& environment, int nodes, int trainers) {
  if (is_started_by_srun(environment)) return srun_command(nodes, trainers);
  if (nodes == 1)
    return "mpirun --bind-to none -np 1 dataservice ... : -np " + std::to_string(trainers) + " trainer ...";
  const int each = 1 + trainers;
  return "mpirun --bind-to none -np " + std::to_string(nodes * each) +
         " --map-by ppr:" + std::to_string(each) + ":node facetrain rank ...";
}

}  // namespace facetrain
