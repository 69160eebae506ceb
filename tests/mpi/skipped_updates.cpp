// Updates that were skipped for NaN or infinity: what is noted, what ends a run, and that all ranks agree.
#include "trainer/run/skipped_updates.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "tests/mpi/linear_backbone.hpp"
#include "tests/mpi/world.hpp"
#include "tests/temporary_folder.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// largest: of this rank's embeddings.
StepResult result(double loss, bool skipped, double largest = 1) {
  return {at::full({}, loss), at::full({}, skipped ? kNan : 1.0), at::full({1}, skipped ? 1.0 : 0.0),
          at::full({}, largest)};
}

TraceStep step_of(std::int64_t step) {
  return {step, {10 * step + world().rank()}, 0, 0, 0.1};
}

struct Run {
  test::TemporaryFolder folder;  // every rank's own; the first one's is used
  std::string path = folder / "nonfinite.jsonl";
  test::LinearBackbone backbone{12, 4, at::kFloat};
  std::optional<LossScale> scale;
  std::vector<std::string> said;

  SkippedUpdates updates(std::int64_t limit, std::size_t lag = 0) {
    return {{path, limit, lag},
            backbone,
            scale ? &*scale : nullptr,
            world(),
            at::kCPU,
            [this](const std::string& text) { said.push_back(text); }};
  }
  std::string notes() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

void ends_the_run(SkippedUpdates& updates, std::int64_t step, const StepResult& of, const std::string& says) {
  try {
    updates.after(step_of(step), of);
    FAIL("the run goes on");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInternal);
    CHECK(std::string(error.what()).find(says) != std::string::npos);
  }
}

// With running statistics, as BatchNorm's.
class NormBackbone final : public Backbone {
 public:
  NormBackbone() {
    state_ = {{"running_mean", at::ones({3}), true}, {"batches", at::zeros({}, at::kLong), true}};
  }
  at::Tensor forward(const at::Tensor& images, const DropoutKey&) override { return images; }
  const std::vector<NamedTensor>& state() const override { return state_; }
  void train(bool) override {}
  void to(at::Device, at::ScalarType) override {}
  at::Tensor mean() const { return state_[0].tensor; }

 private:
  std::vector<NamedTensor> state_;
};

}  // namespace

TEST_CASE("running statistics that an update spoilt become those of the last one that was made") {
  Run run;
  NormBackbone backbone;
  for (const std::size_t lag : {0, 2}) {
    backbone.mean().fill_(1);
    SkippedUpdates updates({run.path, 3, lag}, backbone, nullptr, world(), at::kCPU,
                           [](const std::string&) {});
    backbone.mean().fill_(2);
    updates.after(step_of(1), result(0.5, false));
    const bool mine = world().rank() == 0;  // the only one there is, in a world of one
    if (mine) backbone.mean()[1].fill_(kNan);
    updates.after(step_of(2), result(kNan, true, mine ? kNan : 1));
    updates.drain();
    CHECK(backbone.mean().eq(2).all().item<bool>());
    updates.after(step_of(3), result(0.5, false));
    updates.drain();
  }
}

TEST_CASE("an update that one rank spoilt is noted with all ranks' samples, and that rank named") {
  Run run;
  SkippedUpdates updates = run.updates(3);
  const int last = world().size() - 1;
  updates.after(step_of(1), result(0.5, false));
  updates.after(step_of(2), result(kNan, true, world().rank() == last ? kNan : 1));
  updates.after(step_of(3), result(0.5, false));
  REQUIRE(run.said.size() == 1);
  CHECK(run.said[0].find("update 2 was skipped") != std::string::npos);
  CHECK(run.said[0].find("of trainer " + std::to_string(last) + ";") != std::string::npos);
  if (world().rank() != 0) return;
  std::string expected;
  for (int rank = 0; rank < world().size(); ++rank)
    expected += trace_line({2, {20 + rank}, kNan, kNan, 0.1}, rank);
  CHECK(run.notes() == expected);
}

TEST_CASE("so many in a row end the run on every rank; a good one in between does not count") {
  Run run;
  SkippedUpdates updates = run.updates(2);
  for (std::int64_t step = 1; step < 7; step += 2) {
    updates.after(step_of(step), result(kNan, true));
    updates.after(step_of(step + 1), result(0.5, false));
  }
  updates.after(step_of(7), result(kNan, true));
  ends_the_run(updates, 8, result(kNan, true), "2 updates in a row, up to 8, had a loss");
}

TEST_CASE("a lag looks at an update so much later") {
  Run run;
  SkippedUpdates updates = run.updates(1, 2);
  updates.after(step_of(1), result(kNan, true));
  updates.after(step_of(2), result(0.5, false));
  CHECK(run.said.empty());
  ends_the_run(updates, 3, result(0.5, false), "up to 1,");
}

TEST_CASE("fault 29: float16's overflows are its scale's affair until that reaches its floor") {
  Run run;
  run.scale.emplace(at::kCPU, 4.0);
  SkippedUpdates updates = run.updates(1);
  const auto overflow = [&run] {
    const StepResult of = result(0.5, true);  // the gradients alone
    run.scale->update(of.skipped);
    return of;
  };
  updates.after(step_of(1), overflow());  // 2
  updates.after(step_of(2), overflow());  // 1
  CHECK(run.said.empty());
  CHECK(!std::filesystem::exists(run.path));
  ends_the_run(updates, 3, overflow(), "the loss scale fell below 1");
  // A loss that is not finite on one rank alone is no overflow.
  run.scale.emplace(at::kCPU, 4.0);
  SkippedUpdates others = run.updates(1);
  ends_the_run(others, 1, result(world().rank() == 0 ? kNan : 0.5, true), "1 updates in a row");
}
