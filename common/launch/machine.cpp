#include "common/launch/machine.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "common/build_id.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

// The number in `text`, or -1 when it is not one.
int number_or_minus_one(std::string_view text) {
  return parse_number<int>(text).value_or(-1);
}

int nvidia_devices() {
  constexpr std::string_view stem = "nvidia";
  std::error_code none;
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/dev", none)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(stem) && number_or_minus_one(std::string_view(name).substr(stem.size())) >= 0)
      ++count;
  }
  return count;
}

int physical_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  std::set<std::pair<int, int>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    int package = -1, core = -1;
    if (!(std::ifstream(folder + "physical_package_id") >> package) ||
        !(std::ifstream(folder + "core_id") >> core))
      core = cpu;
    cores.insert({package, core});
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

}  // namespace

int visible_gpus(int devices, const std::optional<std::string>& cuda_visible_devices) {
  if (!cuda_visible_devices) return devices;
  std::set<std::string> seen;
  std::string_view rest = *cuda_visible_devices;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    std::string entry(rest.substr(0, comma));
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
    entry.erase(std::remove(entry.begin(), entry.end(), ' '), entry.end());
    const int number = number_or_minus_one(entry);
    const bool is_uuid = entry.starts_with("GPU-") || entry.starts_with("MIG-");
    if (!is_uuid && (number < 0 || number >= devices)) break;
    if (!seen.insert(entry).second) return 0;  // CUDA shows nothing when a device is named twice
  }
  return static_cast<int>(seen.size());
}

Environment this_environment() {
  Environment environment;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != text.npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::optional<int> pretended_gpus(const Environment& environment) {
  const auto found = environment.find("FACETRAIN_TEST_GPUS");
  const int gpus = found == environment.end() ? -1 : number_or_minus_one(found->second);
  return gpus < 0 ? std::nullopt : std::optional(gpus);
}

Machine this_machine() {
  const Environment environment = this_environment();
  const auto visible = environment.find("CUDA_VISIBLE_DEVICES");
  Machine machine;
  machine.cores = physical_cores();
  if (build_has_cuda())
    machine.gpus = visible_gpus(nvidia_devices(),
                                visible == environment.end() ? std::nullopt : std::optional(visible->second));
  machine.gpus = pretended_gpus(environment).value_or(machine.gpus);
  machine.is_root = ::geteuid() == 0;
  const auto tasks = environment.find("SLURM_NTASKS_PER_NODE");
  if (tasks != environment.end()) machine.node_tasks = std::max(0, number_or_minus_one(tasks->second));
  return machine;
}

}  // namespace facetrain
