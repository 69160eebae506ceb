#include "tests/bench/service_process.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"
#include "dataservice/serve/batch_server.hpp"
#include "dataservice/source/identity_index.hpp"

namespace facetrain::bench {
namespace {

constexpr Dtype kDtype = Dtype::kF16;
constexpr std::uint64_t kBuild = 1, kDigest = 2;

std::uint64_t fresh_nonce() {
  return static_cast<std::uint64_t>(::getpid()) << 32 ^
         static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

std::string bad_list(std::uint64_t nonce) {
  return (std::filesystem::temp_directory_path() / ("facetrain_bench_bad_" + std::to_string(nonce))).string();
}

}  // namespace

Config whole_chain(std::int64_t batch, std::int64_t epochs) {
  Config config;
  config.train.batch_size = batch;
  config.train.epochs = epochs;
  config.data.augment = config.data.flip = config.data.rand_erase = true;
  return config;
}

ServiceProcess::ServiceProcess(const Config& config, int trainers, int workers, const OpenSource& open)
    : config_(config), trainers_(trainers), nonce_(fresh_nonce()), process_([&] {
        if (::pipe(ready_) != 0) throw Error(ErrorKind::kInternal, with_errno("pipe", errno));
        return ChildProcess([&] {
          ::close(ready_[0]);
          const auto before = std::chrono::steady_clock::now();
          const std::unique_ptr<Source> source = open();
          const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
          ServiceSetup setup;
          setup.config = config_;
          setup.topology.trainer_world = setup.topology.node_trainers = trainers_;
          setup.nonce = nonce_;
          setup.build_id = kBuild;
          setup.config_digest = kDigest;
          setup.workers = workers;
          setup.bad_list_path = bad_list(nonce_);
          BatchServer server(setup, *source);
          const double seconds = took.count();
          if (::write(ready_[1], &seconds, sizeof seconds) != sizeof seconds)
            throw Error(ErrorKind::kInternal, with_errno("pipe", errno));
          ::close(ready_[1]);
          server.run();
        });
      }()) {
  ::close(ready_[1]);
  const bool listens = ::read(ready_[0], &opened_after_s_, sizeof opened_after_s_) == sizeof opened_after_s_;
  ::close(ready_[0]);
  if (!listens) throw Error(ErrorKind::kInternal, "the data service did not start");
}

RingConsumer ServiceProcess::connect(int rank) const {
  Hello hello;
  hello.build_id = kBuild;
  hello.config_digest = kDigest;
  hello.trainer_rank = static_cast<std::uint32_t>(rank);
  hello.trainer_world = static_cast<std::uint32_t>(trainers_);
  hello.expected = ring_layout(config_, kDtype);
  hello.strides = hello.expected.strides();
  return RingConsumer(service_socket_name(nonce_, 0), hello, std::chrono::seconds(60));
}

struct MemoryPipeline::State {
  RingLayout layout;
  PlanShape shape;
  IdentityIndex identities;
  BadPictures bad;
  std::shared_ptr<const EpochOrder> order;
  std::vector<std::byte> memory;
  std::mutex mutex;
  std::condition_variable all_done;
  std::uint64_t to_submit = 0, to_finish = 0, step = 0;
  std::exception_ptr error;
  std::optional<WorkerPool> pool;  // last: its threads end before what they use

  State(const Config& config, int workers, const Source& source, std::uint32_t slots)
      : layout(ring_layout(config, kDtype)),
        shape(plan_shape(config, source.size(), 1)),
        identities(source),
        bad(bad_list(fresh_nonce()), 0),
        order(std::make_shared<const EpochOrder>(shape, 0)),
        memory(layout.slot_bytes() * slots + layout.kPage) {
    layout.slots = slots;
    pool.emplace(workers, [this, config, &source] {
      return std::make_unique<RowFiller>(config, kDtype, source, identities, bad);
    });
  }

  void submit(std::uint32_t slot) {  // with the lock
    --to_submit;
    BatchJob job;
    job.order = order;
    job.shape = shape;
    job.step = step++ % shape.steps_per_epoch();
    job.layout = layout;
    const auto start = reinterpret_cast<std::uintptr_t>(memory.data());
    job.slot = std::span(memory).subspan(layout.round_up(start) - start + layout.slot_offset(slot),
                                         layout.slot_bytes());
    job.done = [this, slot](std::exception_ptr failure) {
      const std::lock_guard lock(mutex);
      if (failure) error = failure;
      if (to_submit > 0) submit(slot);
      if (--to_finish == 0) all_done.notify_one();
    };
    pool->submit(std::move(job));
  }
};

MemoryPipeline::MemoryPipeline(const Config& config, int workers, const Source& source, std::uint32_t slots)
    : state_(std::make_unique<State>(config, workers, source, slots)) {}

MemoryPipeline::~MemoryPipeline() = default;

void MemoryPipeline::fill(std::uint64_t batches) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.to_submit = state.to_finish = batches;
  for (std::uint32_t slot = 0; slot < state.layout.slots && state.to_submit > 0; ++slot) state.submit(slot);
  state.all_done.wait(lock, [&] { return state.to_finish == 0; });
  if (state.error) std::rethrow_exception(state.error);
}

}  // namespace facetrain::bench
