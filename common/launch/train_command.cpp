#include "common/launch/train_command.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>
#include <vector>

#include "common/checkpoint/compatibility.hpp"
#include "common/checkpoint/folders.hpp"
#include "common/checkpoint/position.hpp"
#include "common/config/job_kind.hpp"
#include "common/config/parse.hpp"
#include "common/config/text_form.hpp"
#include "common/error.hpp"
#include "common/launch/host_list.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/launch/run_job.hpp"
#include "common/launch/shell.hpp"
#include "common/launch/train_options.hpp"

namespace facetrain {
namespace {

bool is_executable(const std::string& path) {
  return ::access(path.c_str(), X_OK) == 0 && !std::filesystem::is_directory(path);
}

// Looks at the run's newest checkpoint before anything starts. True: there is nothing left to do, and that
// was said. Throws Error(kConfig) when it is of another configuration. A damaged one is the trainers' matter.
bool is_done(const Config& config) {
  const std::string folder = run_folder(config), checkpoints = checkpoints_folder(folder);
  const std::vector<std::int64_t> all = list_checkpoints(checkpoints);
  if (all.empty()) return false;
  const std::string newest = checkpoints + "/" + checkpoint_name(all.front());
  Manifest manifest;
  try {
    manifest = read_manifest(newest);
  } catch (const Error&) {
    return false;
  }
  require_none(config_objection(parse_config(manifest.config, newest), config), newest);
  if (!is_finished(manifest.position, config)) return false;
  std::cout << finished_text(folder, manifest.position) << std::endl;
  return true;
}

}  // namespace

void require_programs(const std::string& bin) {
  for (const char* name : {"dataservice", "trainer"}) {
    if (!is_executable(bin + "/" + name))
      throw Error(ErrorKind::kConfig,
                  bin + "/" + name + " is missing; build it: cmake --build build --target " + name);
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    if (is_executable(std::string(rest.substr(0, colon)) + "/mpirun")) return;
    rest = colon == rest.npos ? "" : rest.substr(colon + 1);
  }
  throw Error(ErrorKind::kConfig, "mpirun is not on PATH; install Open MPI (apt-get install openmpi-bin)");
}

void require_training_list(const std::string& path) {
  const std::string hint = "; `facetrain list -s DIR` makes one";
  errno = 0;
  std::ifstream file(path);
  if (!file)
    throw Error(ErrorKind::kInput, with_errno("cannot read the training list " + path, errno) + hint +
                                       ", --set data.train_source=FILE names it");
  if (std::filesystem::is_directory(path)) {  // a subfolder per identity, or an LMDB
    std::error_code error;
    const bool is_empty = std::filesystem::is_empty(path, error);
    if (error)
      throw Error(ErrorKind::kInput, "cannot read the training folder " + path + ": " + error.message());
    if (is_empty) throw Error(ErrorKind::kInput, "the training folder " + path + " is empty");
    return;
  }
  std::string word;
  if (!(file >> word)) throw Error(ErrorKind::kInput, "the training list " + path + " is empty" + hint);
}

int train_command(std::span<const std::string> words, const std::string& bin) {
  TrainOptions options = parse_train_options(words);
  if (options.help) {
    std::cout << train_usage();
    return 0;
  }
  Config config = load_config(options.request.config_path, options.request.sets);
  if (options.fresh) {
    config.run.prefix = fresh_prefix(config.run.prefix, std::chrono::system_clock::now());
    options.request.sets.push_back("run.prefix=" + quoted_text(config.run.prefix));
  }
  if (options.print_config) {
    std::cout << print_config(config, Comments::kMeanings);
    return 0;
  }
  options.request.progress = ::isatty(STDOUT_FILENO) == 1;
  options.request.hosts = job_hosts(options.request.hostfile, this_environment());
  const Launch launch = compose_launch(config, options.request, this_machine(), bin);
  if (options.dry_run) {
    std::cout << describe_placement(launch) << shell_line(launch.argv) << "\n";
    return 0;
  }
  if (config.data.train_source.empty())
    throw Error(ErrorKind::kConfig,
                options.request.config_path +
                    ": data.train_source is not set; `facetrain list -s DIR` makes a list, "
                    "--set data.train_source=FILE names it");
  for (const std::string& list : config.data.train_source) require_training_list(list);
  require_programs(bin);
  if (is_done(config)) return 0;
  if (options.fresh)
    std::cout << "A new run in " << run_folder(config)
              << "; it is gone on with by --set run.prefix=" << config.run.prefix << std::endl;
  std::cout << "+ " << shell_line(launch.argv) << std::endl;
  return run_job(launch.argv, launch.node_processes, FirstSignal::kCheckpoint);
}

}  // namespace facetrain
