#include "common/launch/launch_plan.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace facetrain {
namespace {

std::string counted(std::int64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

int node_trainers(const Config& config, const Machine& machine) {
  if (config.launch.trainers > 0) return static_cast<int>(config.launch.trainers);
  if (!config.launch.gpus.empty()) return static_cast<int>(config.launch.gpus.size());
  if (machine.gpus == 0 && machine.node_tasks > 1) return machine.node_tasks - 1;
  return std::max(1, machine.gpus);
}

// A batch job has been given its tasks before it starts.
void require_tasks(const Machine& machine, int trainers) {
  if (machine.node_tasks == 0 || machine.node_tasks == 1 + trainers) return;
  const std::string fewer =
      machine.node_tasks > 1 ? ", or --set launch.trainers=" + std::to_string(machine.node_tasks - 1) : "";
  throw Error(ErrorKind::kConfig,
              counted(trainers, "trainer") + " per node and the data service make " +
                  std::to_string(1 + trainers) + " tasks, but this Slurm job has " +
                  std::to_string(machine.node_tasks) +
                  " on each node: sbatch --ntasks-per-node=" + std::to_string(1 + trainers) + fewer);
}

void require_hosts(const LaunchRequest& request) {
  const auto hosts = static_cast<int>(request.hosts.size());
  if (hosts == 0 || request.nodes <= hosts) return;
  throw Error(ErrorKind::kConfig, "--nodes " + std::to_string(request.nodes) + ", but " +
                                      (request.hostfile.empty() ? "this Slurm job" : request.hostfile) +
                                      " has " + counted(hosts, "node") + "; pass --nodes " +
                                      std::to_string(hosts));
}

void require_gpus(const Config& config, const Machine& machine, int trainers) {
  const std::string there =
      machine.gpus == 0 ? "no GPU is visible (or this build has no CUDA)"
                        : counted(machine.gpus, "GPU") + (machine.gpus == 1 ? " is" : " are") + " visible";
  for (const auto gpu : config.launch.gpus) {
    if (gpu >= machine.gpus)
      throw Error(ErrorKind::kConfig, "launch.gpus names GPU " + std::to_string(gpu) + ", but " + there +
                                          "; GPUs count from 0, inside CUDA_VISIBLE_DEVICES");
  }
  if (machine.gpus > 0 && trainers > machine.gpus)
    throw Error(ErrorKind::kConfig, counted(trainers, "trainer") + " per node need as many GPUs, but " +
                                        there +
                                        "; pass --set launch.trainers=" + std::to_string(machine.gpus) +
                                        ", or set CUDA_VISIBLE_DEVICES= to run on the CPU");
}

std::vector<std::string> role_arguments(const LaunchRequest& request) {
  std::vector<std::string> arguments = {"--config", request.config_path};
  for (const std::string& set : request.sets) arguments.insert(arguments.end(), {"--set", set});
  return arguments;
}

}  // namespace

int gpu_of_trainer(const config_types::Ints& gpus, int local_trainer, int visible) {
  if (visible <= 0) return kOnCpu;
  if (visible == 1) return 0;
  const auto index = static_cast<std::size_t>(local_trainer);
  return index < gpus.size() ? static_cast<int>(gpus[index]) : local_trainer;
}

Launch compose_launch(const Config& config, const LaunchRequest& request, const Machine& machine,
                      const std::string& bin) {
  const int trainers = node_trainers(config, machine);
  const bool is_one_node = request.nodes == 1 && request.hostfile.empty();
  // The nodes of a larger job need not be like the one on which it is started.
  if (is_one_node || machine.gpus > 0) require_gpus(config, machine, trainers);
  require_tasks(machine, trainers);
  require_hosts(request);

  Launch launch;
  launch.node_processes = 1 + trainers;
  auto& argv = launch.argv;
  const auto add = [&argv](std::initializer_list<std::string> words) { argv.insert(argv.end(), words); };
  const auto add_role = [&](bool progress) {
    const auto arguments = role_arguments(request);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    if (progress) add({"--progress"});
  };
  add({"mpirun", "--bind-to", "none"});
  // mpirun counts cores as slots and refuses more processes; ours share them knowingly.
  if (launch.node_processes > machine.cores) add({"--oversubscribe"});
  if (machine.is_root) add({"--allow-run-as-root"});
  if (is_one_node) {
    add({"-np", "1", bin + "/dataservice"});
    add_role(false);
    add({":", "-np", std::to_string(trainers), bin + "/trainer"});
    add_role(request.progress);
  } else {
    if (!request.hostfile.empty()) add({"--hostfile", request.hostfile});
    add({"-np", std::to_string(launch.node_processes * request.nodes), "--map-by",
         "ppr:" + std::to_string(launch.node_processes) + ":node", bin + "/facetrain", "rank"});
    add_role(request.progress);
  }

  for (int node = 0; node < request.nodes; ++node) {
    const auto index = static_cast<std::size_t>(node);
    PlacedProcess process;
    process.role = Role::kService;
    process.node = node;
    if (index < request.hosts.size()) process.host = request.hosts[index];
    launch.processes.push_back(process);
    process.role = Role::kTrainer;
    process.parts = request.nodes * trainers;
    for (int local = 0; local < trainers; ++local) {
      const bool is_known = is_one_node || machine.gpus > 0;
      process.local_index = local;
      process.gpu = is_known ? gpu_of_trainer(config.launch.gpus, local, machine.gpus) : kGpuUnknown;
      process.part = node * trainers + local;
      launch.processes.push_back(process);
    }
  }
  return launch;
}

std::string placement_line(int rank, const PlacedProcess& process) {
  std::string text = "# rank " + std::to_string(rank) + "  node " + std::to_string(process.node) +
                     (process.host.empty() ? "" : " (" + process.host + ")") + "  ";
  if (process.role == Role::kService) return text + "dataservice";
  text += "trainer " + std::to_string(process.local_index) + "  ";
  if (process.gpu == kOnCpu) text += "CPU  ";
  if (process.gpu >= 0) text += "GPU " + std::to_string(process.gpu) + "  ";
  return text + "data part " + std::to_string(process.part) + " of " + std::to_string(process.parts);
}

std::string describe_placement(const Launch& launch) {
  std::string text;
  for (std::size_t rank = 0; rank < launch.processes.size(); ++rank)
    text += placement_line(static_cast<int>(rank), launch.processes[rank]) + "\n";
  return text;
}

PlacedProcess placed_process(const Topology& topology, const std::string& host, int gpu) {
  PlacedProcess process;
  process.role = topology.role;
  process.node = topology.node;
  process.host = host;
  if (topology.role == Role::kService) return process;
  process.local_index = topology.local_trainer;
  process.gpu = gpu;
  process.part = topology.trainer_rank;
  process.parts = topology.trainer_world;
  return process;
}

}  // namespace facetrain
