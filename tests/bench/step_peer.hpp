// Starts step_peer.py, the reference's training step in PyTorch, on the numbers of a TrainingStep.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/peer_process.hpp"

namespace facetrain::bench {

// A new folder for what ours and the peer share; removed at the end.
class PeerFolder {
 public:
  PeerFolder();
  ~PeerFolder();
  PeerFolder(const PeerFolder&) = delete;
  PeerFolder& operator=(const PeerFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Ready for its first line. Prints what it says of itself. Throws Error(kInput) when FACETRAIN_PYTHON,
// FACETRAIN_REFERENCE or, for mbf, FACETRAIN_MOBILEFACENET is missing, or the script ends early.
std::unique_ptr<PeerProcess> start_step_peer(const std::string& folder, const std::string& network,
                                             std::int64_t classes, int threads,
                                             const std::vector<std::string>& options);

}  // namespace facetrain::bench
