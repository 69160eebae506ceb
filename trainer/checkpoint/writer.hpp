// Writes a run's checkpoints while training goes on: each rank's thread writes that rank's file, the ranks
// tell each other how it went over a communicator of their own, and the first one adds the manifest and
// renames the folder. A checkpoint is there whole or not at all; one that fails leaves the others as they
// are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/checkpoint/manifest.hpp"
#include "common/mpi/communicators.hpp"
#include "common/watch/time_limit.hpp"

namespace facetrain {

// What a rank puts into a checkpoint: a copy, so that training may change the originals.
struct CheckpointImage {
  std::vector<std::byte> bytes;      // its file
  std::vector<SavedTensor> tensors;  // what lies where in it
};

class CheckpointWriter {
 public:
  // folder: the run's checkpoints. nonce: the job's, names what is unfinished. keep: checkpoint.keep.
  // storage: of this rank's writes. before_write: called on the writing thread with the updates of what it
  // writes. The first rank makes the folder and removes what earlier jobs left unfinished. Throws Error(kIo).
  // Collective.
  CheckpointWriter(
      std::string folder, std::uint64_t nonce, std::int64_t keep, MpiComm trainers, StorageRule storage = {},
      std::function<void(std::int64_t)> before_write = [](std::int64_t) {});
  // Waits for what is under way; but not while an exception unwinds: the other ranks may never come.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Begins to write step_<header.position.updates> and returns. header: without files, equal on all ranks.
  // finish() comes before. Collective.
  void write(Manifest header, CheckpointImage image);
  // Waits for the write under way. "" when it succeeded or there is none; else why it failed, the same text
  // on all ranks. Collective.
  std::string finish();

 private:
  struct Place;

  std::shared_ptr<const Place> place_;  // shared with a thread that outlives this when unwinding
  std::future<std::string> outcome_;
  std::thread thread_;
  int exceptions_at_birth_;
};

}  // namespace facetrain
