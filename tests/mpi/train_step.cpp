// train_step on a one-layer network: any number of ranks takes the step one rank would take with the whole
// batch; loss scaling changes nothing but rounding; an overflow on one rank skips the step on all, and the
// next one goes on.
#include "trainer/step/train_step.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/mpi/linear_trainer.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/comm/mpi_communicator.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::draw;
using facetrain::test::LinearTrainer;
using facetrain::test::world;

namespace {

constexpr std::int64_t kClasses = 5, kSize = 4, kPixels = 12, kBatch = 2;

Config arcface() {
  Config config;
  config.head.margin = {0.5};
  return config;
}

struct Trainer : LinearTrainer {
  Trainer(Communicator& trainers, at::ScalarType type, std::optional<double> loss_scale = {},
          const Config& config = arcface())
      : LinearTrainer(kPixels, {kClasses, kSize, 1, at::kCPU, type, type}, make_head(config), trainers,
                      {.loss_scale = loss_scale}) {}

  StepResult step(const Batch& batch) { return train_step(state, batch, {}, 0.1); }
  std::vector<at::Tensor> values() {
    std::vector<at::Tensor> all;
    for (const at::Tensor& parameter : optimizer.parameters()) all.push_back(parameter.detach().clone());
    return all;
  }
};

// The global batch of a step, and this rank's part of it.
Batch whole_batch(std::uint64_t step, at::ScalarType type) {
  const std::int64_t rows = kBatch * world().size();
  return {draw({rows, 3, 2, 2}, 100 + step, type),
          (at::arange(rows) + static_cast<std::int64_t>(step)).remainder(kClasses)};
}
Batch own_part(const Batch& whole) {
  const std::int64_t first = kBatch * world().rank();
  return {whole.images.narrow(0, first, kBatch), whole.labels.narrow(0, first, kBatch)};
}

bool same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, double tolerance) {
  bool all = a.size() == b.size();
  for (std::size_t i = 0; all && i < a.size(); ++i) all = a[i].allclose(b[i], tolerance, tolerance);
  return all;
}

// The operators that ran while it lives and that on a GPU would wait for it: what reads a value, or makes a
// tensor as large as a value says.
class Reads {
 public:
  Reads() {
    g_reads = this;
    handle_ = at::addGlobalCallback(at::RecordFunctionCallback(&note).scopes({at::RecordScope::FUNCTION}));
  }
  ~Reads() {
    at::removeCallback(handle_);
    g_reads = nullptr;
  }
  Reads(const Reads&) = delete;
  Reads& operator=(const Reads&) = delete;

  std::vector<std::string> names() const {
    const std::lock_guard lock(mutex_);
    return names_;
  }

 private:
  static std::unique_ptr<at::ObserverContext> note(const at::RecordFunction& function) {
    const std::string name = function.name();
    for (const char* waits : {"aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero", "aten::equal",
                              "aten::masked_select", "aten::unique_dim", "aten::_unique2"})
      if (name == waits) {
        const std::lock_guard lock(g_reads->mutex_);
        g_reads->names_.push_back(name);
      }
    return nullptr;
  }

  static inline Reads* g_reads = nullptr;  // the callback is a plain function
  at::CallbackHandle handle_;
  mutable std::mutex mutex_;
  std::vector<std::string> names_;
};

}  // namespace

TEST_CASE("n ranks step as one rank with the whole batch") {
  SelfCommunicator alone;
  Trainer one(alone, at::kDouble), sharded(world(), at::kDouble);
  const auto before = one.values();
  for (std::uint64_t step = 0; step < 5; ++step) {
    const Batch batch = whole_batch(step, at::kDouble);
    const StepResult expected = one.step(batch), result = sharded.step(own_part(batch));
    CHECK(result.loss.item<double>() == doctest::Approx(expected.loss.item<double>()).epsilon(1e-12));
    CHECK(result.grad_norm.item<double>() ==
          doctest::Approx(expected.grad_norm.item<double>()).epsilon(1e-12));
    CHECK(result.skipped.item<float>() == 0.0f);
  }
  auto whole = one.values();
  const ClassShard shard = sharded.classifier.shard();
  whole.back() = whole.back().narrow(0, shard.first, shard.count);
  CHECK(same(sharded.values(), whole, 1e-12));
  CHECK_FALSE(same(one.values(), before, 1e-3));
  CHECK(sharded.backbone.state()[2].tensor.equal(at::ones({kSize}, at::kDouble)));
}

TEST_CASE("batches whose gradients are averaged step as one large batch") {
  Trainer large(world(), at::kDouble), small(world(), at::kDouble), scaled(world(), at::kDouble, 1024.0);
  const DropoutKey key{.step = 7,
                       .rank = static_cast<std::uint32_t>(world().rank()),
                       .world = static_cast<std::uint32_t>(world().size())};
  for (std::uint64_t step = 0; step < 4; ++step) {
    const Batch batch = own_part(whole_batch(step, at::kDouble));
    std::int64_t row = 0;
    const auto next = [&]() -> Batch {
      const Batch one{batch.images.narrow(0, row, 1), batch.labels.narrow(0, row, 1)};
      ++row;
      return one;
    };
    const StepResult expected = train_step(large.state, batch, key, 0.1);
    for (Trainer* trainer : {&small, &scaled}) {
      row = 0;
      const StepResult result = train_step(trainer->state, next, kBatch, key, 0.1);
      CHECK(row == kBatch);
      CHECK(result.loss.item<double>() == doctest::Approx(expected.loss.item<double>()).epsilon(1e-12));
      CHECK(result.grad_norm.item<double>() ==
            doctest::Approx(expected.grad_norm.item<double>()).epsilon(1e-12));
    }
  }
  CHECK(same(small.values(), large.values(), 1e-12));
  CHECK(same(scaled.values(), large.values(), 1e-12));
  // Row r of batch i draws as row i * B + r of the large one does.
  REQUIRE(small.backbone.keys.size() == 4 * kBatch);
  for (std::size_t i = 0; i < kBatch; ++i) {
    CHECK(small.backbone.keys[i].step == 7);
    CHECK(small.backbone.keys[i].world == key.world);
    CHECK(small.backbone.keys[i].rank == i * key.world + key.rank);
  }
}

TEST_CASE("an overflow in one of several batches skips their update") {
  Trainer trainer(world(), at::kFloat, 65536.0);
  const auto before = trainer.values();
  std::uint64_t step = 0;
  const auto next = [&] {
    Batch batch = own_part(whole_batch(step, at::kFloat));
    if (step++ == 0) batch.images.fill_(std::numeric_limits<float>::infinity());
    return batch;
  };
  CHECK(train_step(trainer.state, next, 2, {}, 0.1).skipped.item<float>() == 1.0f);
  CHECK(same(trainer.values(), before, 0.0));
  CHECK(train_step(trainer.state, next, 2, {}, 0.1).skipped.item<float>() == 0.0f);
  CHECK_FALSE(same(trainer.values(), before, 1e-4));
}

TEST_CASE("loss scaling by a power of two changes nothing in float32") {
  Trainer plain(world(), at::kFloat), scaled(world(), at::kFloat, 1024.0);
  for (std::uint64_t step = 0; step < 3; ++step) {
    const Batch batch = own_part(whole_batch(step, at::kFloat));
    const StepResult expected = plain.step(batch), result = scaled.step(batch);
    CHECK(result.loss.item<float>() == expected.loss.item<float>());
    CHECK(result.grad_norm.item<float>() == doctest::Approx(expected.grad_norm.item<float>()).epsilon(1e-6));
    CHECK(result.skipped.item<float>() == 0.0f);
  }
  CHECK(same(scaled.values(), plain.values(), 1e-6));
}

TEST_CASE("an overflow on one rank skips the step on all, and training goes on") {
  Trainer trainer(world(), at::kFloat, 65536.0);
  const auto before = trainer.values();
  Batch batch = own_part(whole_batch(0, at::kFloat));
  // Only the last rank's picture overflows; its gradients are infinite or NaN.
  if (world().rank() == world().size() - 1) batch.images[0].fill_(std::numeric_limits<float>::infinity());
  CHECK(trainer.step(batch).skipped.item<float>() == 1.0f);
  CHECK(same(trainer.values(), before, 0.0));
  CHECK(trainer.scale->value().item<float>() == 32768.0f);
  CHECK(trainer.step(own_part(whole_batch(1, at::kFloat))).skipped.item<float>() == 0.0f);
  CHECK_FALSE(same(trainer.values(), before, 1e-4));
}

TEST_CASE("a batch that overflows leaves the head's running statistics as they were") {
  for (const char* head : {"adaface", "curricularface"})
    for (const float value :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      CAPTURE(head);
      CAPTURE(value);
      Config config = arcface();
      config.head.head = head;
      Trainer trainer(world(), at::kFloat, 65536.0, config);
      const auto statistics = [&] {
        std::vector<at::Tensor> all;
        for (const at::Tensor& one : trainer.classifier.head().statistics()) all.push_back(one.clone());
        return all;
      };
      trainer.step(own_part(whole_batch(0, at::kFloat)));
      const auto before = statistics();
      Batch batch = own_part(whole_batch(1, at::kFloat));
      // One element, so that the embedding's norm is infinite and not NaN.
      if (world().rank() == world().size() - 1) batch.images[0][0][0][0].fill_(value);
      CHECK(trainer.step(batch).skipped.item<float>() == 1.0f);
      CHECK(same(statistics(), before, 0.0));
      CHECK(trainer.step(own_part(whole_batch(2, at::kFloat))).skipped.item<float>() == 0.0f);
      CHECK_FALSE(same(statistics(), before, 1e-6));
      for (const at::Tensor& one : statistics()) CHECK(one.isfinite().all().item<bool>());
    }
}

TEST_CASE("a step reads no result back: loss, scale, overflow and clip factor stay where they are") {
  for (const auto& [head, margins] : std::vector<std::pair<std::string, std::vector<double>>>{
           {"arcface", {0.5}}, {"cosface", {0.4}}, {"adaface", {0.4}}}) {
    CAPTURE(head);
    Config config;
    config.head.head = head;
    config.head.margin = margins;
    Trainer trainer(world(), at::kFloat, 1024.0, config);
    const Batch batch = own_part(whole_batch(0, at::kFloat));
    const Reads reads;
    train_step(
        trainer.state, [&] { return batch; }, 2, {}, 0.1);
    CHECK(reads.names().empty());
    (void)batch.images.sum().item<float>();  // what would be seen
    CHECK(reads.names().back() == "aten::_local_scalar_dense");
  }
}
