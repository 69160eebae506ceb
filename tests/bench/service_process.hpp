// A real data service in a process of its own, and the in-process pipeline that it is compared with: the same
// source, configuration and number of workers.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/ipc/ring_consumer.hpp"
#include "dataservice/serve/worker_pool.hpp"
#include "dataservice/source/source.hpp"
#include "tests/bench/child_process.hpp"

namespace facetrain::bench {

// Pictures in memory; `per_class` in a row have one label.
class MemorySource final : public Source {
 public:
  MemorySource(std::span<const std::span<const std::byte>> pictures, std::uint32_t per_class)
      : pictures_(pictures), per_class_(per_class) {}
  std::uint32_t size() const override { return static_cast<std::uint32_t>(pictures_.size()); }
  std::uint32_t classes() const override { return (size() + per_class_ - 1) / per_class_; }
  std::int64_t label(std::uint32_t i) const override { return i / per_class_; }
  std::string name(std::uint32_t i) const override { return "picture " + std::to_string(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
    buffer.assign(pictures_[i].begin(), pictures_[i].end());
  }

 private:
  std::span<const std::span<const std::byte>> pictures_;
  std::uint32_t per_class_;
};

// Every augmentation on, `batch` rows of float16, `epochs` epochs.
Config whole_chain(std::int64_t batch, std::int64_t epochs);

class ServiceProcess {
 public:
  using OpenSource = std::function<std::unique_ptr<Source>()>;  // called in the new process

  // Returns when it listens.
  ServiceProcess(const Config& config, int trainers, int workers, const OpenSource& open);

  ChildProcess& process() { return process_; }
  double opened_after_s() const { return opened_after_s_; }  // what `open` took
  // A trainer's end; to be called in the consumer's own process.
  RingConsumer connect(int rank) const;

 private:
  Config config_;
  int trainers_;
  std::uint64_t nonce_;
  int ready_[2];
  ChildProcess process_;
  double opened_after_s_ = 0;
};

// Fills `slots` batches of memory of this process again and again.
class MemoryPipeline {
 public:
  MemoryPipeline(const Config& config, int workers, const Source& source, std::uint32_t slots);
  ~MemoryPipeline();

  // Returns when `batches` more batches are filled.
  void fill(std::uint64_t batches);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace facetrain::bench
