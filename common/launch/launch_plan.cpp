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
  return std::max(1, machine.gpus);
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
    launch.processes.push_back({Role::kService, node, 0, kOnCpu, 0, 1});
    for (int local = 0; local < trainers; ++local) {
      const bool is_known = is_one_node || machine.gpus > 0;
      const int gpu = is_known ? gpu_of_trainer(config.launch.gpus, local, machine.gpus) : kGpuUnknown;
      launch.processes.push_back(
          {Role::kTrainer, node, local, gpu, node * trainers + local, request.nodes * trainers});
    }
  }
  return launch;
}

std::string describe_placement(const Launch& launch) {
  std::string text;
  for (std::size_t rank = 0; rank < launch.processes.size(); ++rank) {
    const PlacedProcess& process = launch.processes[rank];
    text += "# rank " + std::to_string(rank) + "  node " + std::to_string(process.node) + "  ";
    if (process.role == Role::kService) {
      text += "dataservice\n";
    } else {
      text += "trainer " + std::to_string(process.local_index) + "  ";
      if (process.gpu == kOnCpu) text += "CPU  ";
      if (process.gpu >= 0) text += "GPU " + std::to_string(process.gpu) + "  ";
      text += "data part " + std::to_string(process.part) + " of " + std::to_string(process.parts) + "\n";
    }
  }
  return text;
}

}  // namespace facetrain
