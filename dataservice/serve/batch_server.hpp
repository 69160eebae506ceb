// The data service's server: listens on an abstract Unix socket, answers its node's trainers, and streams
// batches to each until all have said goodbye. One thread does the I/O (Boost.Asio coroutines), a pool of
// workers fills the slots.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/config/config.hpp"
#include "common/topology.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

struct ServiceSetup {
  Config config;
  Topology topology;           // of this service
  std::uint64_t nonce = 0;     // names the job's sockets
  std::string build;           // for messages (build_text())
  std::uint64_t build_id = 0;  // a trainer must report the same two
  std::uint64_t config_digest = 0;
  std::uint64_t data_digest = 0;  // of the source (source/digest.hpp); a trainer is told
  std::string bad_list_path;      // where bad pictures are listed
  bool goes_on = false;           // from a checkpoint: what is listed there stays
  int workers = 1;                // decoding threads
  // A batch is a trainer's now. On the thread of run().
  std::function<void()> handed_over = [] {};
  // A read has taken longer than limits.storage: ends the process, with this reason. It hangs in the kernel
  // still, so that nothing can unwind.
  std::function<void(const std::string&)> give_up;
};

class BatchServer {
 public:
  // Binds and listens; trainers may connect from now on. Throws Error(kConfig) when the data set is too small
  // for one step.
  BatchServer(ServiceSetup setup, const Source& source);
  ~BatchServer();
  BatchServer(const BatchServer&) = delete;
  BatchServer& operator=(const BatchServer&) = delete;

  // Serves until every trainer of the node has said goodbye. Throws what ends the job: Error(kInput) for too
  // many bad pictures, Error(kIo) for storage that fails, Error(kConfig) for too little memory,
  // Error(kInternal) for a trainer that died.
  void run();

  // After run(): ends the threads that read, but waits no longer than this for each kind of them. False: a
  // read hangs in the kernel, and the destructor would wait for it.
  [[nodiscard]] bool stop(std::chrono::seconds most);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace facetrain
