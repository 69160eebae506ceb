#include "tests/bench/step_peer.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "common/error.hpp"

namespace facetrain::bench {
namespace {

std::string from_environment(const char* name, const char* what) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    throw Error(ErrorKind::kInput, std::string(name) + " names no " + what);
  return value;
}

}  // namespace

PeerFolder::PeerFolder() {
  path_ = (std::filesystem::temp_directory_path() / "facetrain-step.XXXXXX").string();
  if (::mkdtemp(path_.data()) == nullptr) throw Error(ErrorKind::kIo, with_errno("create " + path_, errno));
}

PeerFolder::~PeerFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<PeerProcess> start_step_peer(const std::string& folder, const std::string& network,
                                             std::int64_t classes, int threads,
                                             const std::vector<std::string>& options) {
  std::vector<std::string> command{
      from_environment("FACETRAIN_PYTHON", "Python with torch"),
      std::string(FACETRAIN_BENCH_SOURCE_DIR) + "/step_peer.py",
      folder,
      "--reference",
      from_environment("FACETRAIN_REFERENCE", "clone of HaiyuWu/iccv2025-fr-competition"),
      "--network",
      network,
      "--classes",
      std::to_string(classes),
      "--threads",
      std::to_string(threads)};
  if (network == "mbf") {
    command.push_back("--mobilefacenet");
    command.push_back(from_environment("FACETRAIN_MOBILEFACENET", "mobilefacenet.py of arcface_torch"));
  }
  command.insert(command.end(), options.begin(), options.end());
  auto peer = std::make_unique<PeerProcess>(command);
  for (std::string said = peer->line(); said != "ready"; said = peer->line())
    std::printf("  peer: %s\n", said.c_str());
  return peer;
}

}  // namespace facetrain::bench
