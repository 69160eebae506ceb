// What a run may go on from, and what it is refused with.
#include "common/checkpoint/compatibility.hpp"

#include <doctest/doctest.h>

#include "common/checkpoint/position.hpp"
#include "common/config/schema.hpp"
#include "common/error.hpp"
#include "tests/tool_run.hpp"

using namespace facetrain;

namespace {

constexpr PlanPosition kSaved{
    .updates = 40, .epoch = 2, .step = 8, .steps_per_epoch = 16, .world = 2, .nodes = 1, .global_batch = 512};

}  // namespace

TEST_CASE("the same configuration, other places and other sizes of the job are no objection") {
  Config saved, now;
  CHECK(config_objection(saved, now).empty());
  now.run.prefix = "other";
  now.run.trace = "t";
  now.data.train_source = {"elsewhere.txt"};
  now.data.workers = 7;
  now.train.epochs = 99;
  now.train.batch_size = 64;
  now.train.accumulate = 2;
  now.launch.trainers = 8;
  now.validation.val_list = {};
  now.checkpoint.keep = 1;
  now.model.checkpoint = true;
  CHECK(config_objection(saved, now).empty());
}

TEST_CASE("other tensors are refused with both values, whatever is allowed") {
  Config saved, now;
  now.model.depth = "18";
  now.head.head = "cosface";
  now.checkpoint.allow = {"lr", "plan", "training"};
  CHECK(config_objection(saved, now) ==
        "model.depth was \"50\", now it is \"18\"; head.head was \"arcface\", now it is \"cosface\"");
}

TEST_CASE("another learning rate, plan or recipe needs its word") {
  const auto change = [](const char* word, auto&& edit) {
    Config saved, now;
    edit(now);
    const std::string objection = config_objection(saved, now);
    for (const char* other : {"lr", "plan", "training"}) {
      now.checkpoint.allow = {other};
      CHECK_MESSAGE(config_objection(saved, now).empty() == (std::string(other) == word), objection);
    }
    return objection;
  };
  CHECK(change("lr", [](Config& c) { c.train.lr = 0.05; }) ==
        "train.lr was 0.1, now it is 0.05; --allow-change lr goes on all the same");
  change("lr", [](Config& c) { c.train.reduce_lr = {3}; });
  change("plan", [](Config& c) { c.data.order = "chunked"; });
  change("plan", [](Config& c) { c.data.fixed_size = 100; });
  change("training", [](Config& c) { c.data.augment = true; });
  change("training", [](Config& c) { c.head.margin = {0.4}; });
  change("training", [](Config& c) { c.run.seed = 1; });
  change("training", [](Config& c) { c.compat.adaface = true; });
}

TEST_CASE("more epochs are free, unless the schedule ends with the last one") {
  Config saved, now;
  saved.train.scheduler = now.train.scheduler = true;
  now.train.epochs = 30;
  CHECK(config_objection(saved, now) ==
        "train.epochs was 20, now it is 30; --allow-change lr goes on all the same");
}

TEST_CASE("every rule names a key that exists") {
  for (const TableSchema& table : config_schema())
    for (const KeySchema& key : table.keys)
      if (table.name == "model" && key.name == "depth") CHECK(change_of("model", "depth") == Change::kNever);
  CHECK(change_of("train", "no_such_key") == Change::kTraining);
  CHECK(change_of("train", "lr") == Change::kLr);
  CHECK(change_of("data", "mask") == Change::kFree);
}

TEST_CASE("an update of other samples is refused with both numbers, unless told") {
  Config config;
  PlanPosition now = kSaved;
  now.world = 1;
  CHECK(plan_objection(kSaved, now, config).empty());
  now.global_batch = 256;
  const std::string objection = plan_objection(kSaved, now, config);
  CHECK(objection.find("512 samples (2 trainers), now it would take 256 (1 trainers") != std::string::npos);
  config.checkpoint.allow = {"plan"};
  CHECK(plan_objection(kSaved, now, config).empty());
}

TEST_CASE("order = chunked depends on the nodes") {
  Config config;
  PlanPosition now = kSaved;
  now.nodes = 2;
  CHECK(plan_objection(kSaved, now, config).empty());
  config.data.order = "chunked";
  CHECK(plan_objection(kSaved, now, config).find("there were 1, now there are 2") != std::string::npos);
}

TEST_CASE("other data are refused with both numbers") {
  const DataIdentity saved{100, 10, 7};
  CHECK(data_objection(saved, saved).empty());
  CHECK(data_objection(saved, {100, 11, 7}) == "the data had 10 identities, now they have 11");
  CHECK(data_objection(saved, {99, 10, 7}) == "the data had 100 samples, now they have 99");
  CHECK(data_objection(saved, {100, 10, 8}).find("was 7, now it is 8") != std::string::npos);
}

TEST_CASE("a run goes on at the same place, or with another batch at the update before it") {
  PlanPosition now{.steps_per_epoch = 16, .world = 4, .nodes = 2, .global_batch = 512};
  PlanPosition at = resumed_position(kSaved, now);
  CHECK(at.updates == 40);
  CHECK(at.epoch == 2);
  CHECK(at.step == 8);
  CHECK(at.world == 4);
  now.global_batch = 300;
  now.steps_per_epoch = 27;
  CHECK(resumed_position(kSaved, now).step == 13);  // 8 x 512 samples are 13.65 updates of 300
  now.global_batch = 512;
  now.steps_per_epoch = 8;  // rounded otherwise
  CHECK(resumed_position(kSaved, now).step == 7);
}

TEST_CASE("a run is finished when all its epochs are done") {
  Config config;
  config.train.epochs = 2;
  PlanPosition at{.updates = 31, .epoch = 1, .step = 15};
  CHECK_FALSE(is_finished(at, config));
  at = {.updates = 32, .epoch = 2};
  CHECK(is_finished(at, config));
  CHECK(finished_text("runs/a", at) ==
        "The run in runs/a is finished: 2 epochs, 32 steps; --fresh starts a new one, a larger train.epochs "
        "goes on");
  CHECK(test::error_of<Error>([] { require_none("x was 1, now it is 2", "c/step_4"); }) ==
        "cannot go on from c/step_4: x was 1, now it is 2; --fresh starts a new run");
  CHECK_NOTHROW(require_none("", "c/step_4"));
}
