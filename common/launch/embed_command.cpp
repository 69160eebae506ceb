#include "common/launch/embed_command.hpp"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <unordered_map>
#include <vector>

#include "common/config/job_kind.hpp"
#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/io/npy.hpp"
#include "common/launch/embed_options.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/launch/run_job.hpp"
#include "common/launch/shell.hpp"
#include "common/launch/train_command.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

void require_readable(const std::string& what, const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0)
    throw Error(ErrorKind::kInput, with_errno("cannot read the " + what + " " + path, errno));
}

// "some/where/anna/1.jpg" -> "anna/1.npy".
std::string place_of(const std::string& name) {
  const fs::path path(name);
  return (path.parent_path().filename() / path.stem()).string() + ".npy";
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Not synced one by one, which would take a disk's seek per picture: the array that they come from is.
void write_row(const fs::path& path, std::span<const std::byte> row) {
  const std::vector<std::uint64_t> shape{row.size() / sizeof(float)};
  CheckedFile file(path.string());
  file.write(format_npy_header("<f4", shape));
  file.write(row);
  file.commit_unsynced();
}

}  // namespace

std::uint64_t write_per_image(const std::string& features, const std::string& names,
                              const std::string& folder) {
  const MappedNpy array(features);
  const std::vector<std::uint64_t> shape{0, 0};
  array.require("<f4", shape);
  const std::vector<std::string> rows = lines_of(names);
  if (rows.size() != array.shape()[0])
    throw Error(ErrorKind::kInput, features + " has " + std::to_string(array.shape()[0]) + " rows, but " +
                                       names + " names " + std::to_string(rows.size()));
  std::unordered_map<std::string, std::size_t> taken;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (const auto [other, fresh] = taken.try_emplace(place_of(rows[i]), i); !fresh)
      throw Error(ErrorKind::kInput, "--per_image: " + rows[other->second] + " and " + rows[i] +
                                         " would share the file " + other->first + "; all features are in " +
                                         features);
  std::uint64_t written = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float first = 0;
    std::memcpy(&first, array.row(i).data(), sizeof first);
    if (std::isnan(first)) continue;
    const fs::path path = fs::path(folder) / place_of(rows[i]);
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error)
      throw Error(ErrorKind::kIo, "create folder " + path.parent_path().string() + ": " + error.message());
    write_row(path, array.row(i));
    ++written;
  }
  return written;
}

int embed_command(std::span<const std::string> words, const std::string& bin) {
  const Machine machine = this_machine();
  EmbedOptions options = parse_embed_options(words, machine.gpus);
  if (options.help) {
    std::cout << embed_usage();
    return 0;
  }
  const Config config = load_config(options.request.config_path, options.request.sets);
  refuse_overwritten_source(config);
  options.request.progress = ::isatty(STDERR_FILENO) == 1;
  const Launch launch = compose_launch(config, options.request, machine, bin);
  if (options.dry_run) {
    std::cout << describe_placement(launch) << shell_line(launch.argv) << "\n";
    return 0;
  }
  require_readable("weights", options.model_path);
  require_readable("source", options.source);
  require_programs(bin);
  std::cout << "+ " << shell_line(launch.argv) << std::endl;
  const int code = run_job(launch.argv, launch.node_processes, FirstSignal::kTerminate);
  if (code != 0 || options.per_image.empty()) return code;
  const EmbeddingFiles files = embedding_files(options.destination);
  const std::uint64_t written = write_per_image(files.features, files.names, options.per_image);
  std::cout << options.per_image << ": " << written << " files, one per picture\n";
  return 0;
}

}  // namespace facetrain
