// Checkpoints written by one number of ranks and read by another: the run goes on as if nothing had happened,
// bit for bit at the same number.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/checkpoint/folders.hpp"
#include "common/config/print.hpp"
#include "common/error.hpp"
#include "tests/mpi/linear_trainer.hpp"
#include "tests/mpi/world.hpp"
#include "tests/temporary_folder.hpp"
#include "trainer/checkpoint/checkpoints.hpp"
#include "trainer/checkpoint/requests.hpp"
#include "trainer/checkpoint/resume.hpp"
#include "trainer/checkpoint/training_state.hpp"
#include "trainer/checkpoint/writer.hpp"
#include "trainer/comm/mpi_communicator.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::draw;
using facetrain::test::LinearTrainer;
using facetrain::test::session;
using facetrain::test::world;

namespace {

constexpr std::int64_t kSize = 8, kPixels = 12, kRows = 6;  // kRows: of the global batch, whatever the world

struct Setting {
  std::int64_t classes = 11;
  double sample_rate = 1.0;
  std::string head = "arcface";
  std::vector<double> margins = {0.5};
  std::optional<double> loss_scale = std::nullopt;
  at::ScalarType type = at::kDouble;
};

Config config_of(const Setting& setting) {
  Config config;
  config.head.head = setting.head;
  config.head.margin = setting.margins;
  return config;
}

// The first `ranks` ranks as a world of their own; others get an empty one.
MpiComm first_ranks(int ranks) {
  const bool is_in = world().rank() < ranks;
  const MPI_Comm comm = session().call([&] {
    MPI_Comm split = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(MPI_COMM_WORLD, is_in ? 0 : MPI_UNDEFINED, world().rank(), &split), "split");
    return split;
  });
  return {session(), comm};
}

// A path that all ranks know.
std::string shared_path(const test::TemporaryFolder& folder) {
  static_cast<void>(folder);
  return broadcast_text(session(), folder.path().string());
}

struct Job {
  MpiComm comm;
  MpiCommunicator trainers;
  LinearTrainer trainer;

  Job(const Setting& setting, MpiComm members)
      : comm(duplicate(members)),
        trainers(std::move(members)),
        trainer(kPixels,
                {setting.classes, kSize, 1, at::kCPU, setting.type, setting.type, setting.sample_rate},
                make_head(config_of(setting)), trainers, {.loss_scale = setting.loss_scale}) {}

  void train(std::int64_t from, std::int64_t to) {
    const std::int64_t rows = kRows / trainers.size(), first = rows * trainers.rank();
    const at::ScalarType type = trainer.backbone.state()[0].tensor.scalar_type();
    for (std::int64_t step = from; step < to; ++step) {
      const at::Tensor images = draw({kRows, 3, 2, 2}, 100 + static_cast<std::uint64_t>(step), type);
      const at::Tensor labels = (at::arange(kRows) * 17 + step * 5).remainder(trainer.classifier.classes());
      train_step(trainer.state, {images.narrow(0, first, rows), labels.narrow(0, first, rows)},
                 {.step = static_cast<std::uint64_t>(step)}, 0.1 / static_cast<double>(1 + step));
    }
  }
  Manifest record(std::int64_t updates) const {
    Manifest m;
    m.config = print_config({});
    m.position.updates = updates;
    m.position.world = trainers.size();
    m.position.global_batch = kRows;
    m.data.classes = trainer.classifier.classes();
    return m;
  }
  std::vector<StateTensor> state() { return training_state(trainer.state); }
  std::vector<at::Tensor> copies() {
    std::vector<at::Tensor> all;
    for (const StateTensor& entry : state()) all.push_back(entry.tensor.detach().clone());
    return all;
  }
  void save(const std::string& run, std::int64_t updates, std::int64_t keep = 0) {
    std::promise<void> trained;
    bool waited = false;
    CheckpointWriter writer(checkpoints_folder(run), 5, keep, duplicate(comm), {}, [&](std::int64_t) {
      waited = trained.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    });
    writer.write(record(updates), capture(state(), trainers.rank(), trainers.size()));
    train(updates, updates + 1);  // goes on before anything is written, and does not disturb the copy
    trained.set_value();
    CHECK(writer.finish() == "");
    CHECK(waited);
  }
  std::optional<SavedRun> find(const std::string& run, std::vector<std::string>* said = nullptr) {
    return find_saved_run({}, run, record(0).position, comm, [&](const std::string& line) {
      if (said != nullptr) said->push_back(line);
    });
  }
  void load(const std::string& run) {
    const auto saved = find(run);
    REQUIRE(saved.has_value());
    restore(state(), saved->tensors);
  }
};

bool equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  bool all = a.size() == b.size();
  for (std::size_t i = 0; all && i < a.size(); ++i) {
    const at::Tensor x = a[i].contiguous(), y = b[i].contiguous();
    all = x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type() &&
          (x.numel() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0);
  }
  return all;
}

struct SetClock final : Clock {
  double time = 0;
  std::chrono::system_clock::time_point now() const override { return {}; }
  double seconds() const override { return time; }
};

const std::vector<Setting> kSettings = {
    {},
    {.sample_rate = 0.3},
    {.classes = 2, .sample_rate = 0.5},
    {.head = "curricularface", .loss_scale = 1024.0, .type = at::kFloat},
    {.head = "uniface", .margins = {0.4, 5}},
};

}  // namespace

TEST_CASE("saved by n ranks and loaded by n: every bit, and the steps that follow") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  for (std::size_t i = 0; i < kSettings.size(); ++i) {
    CAPTURE(i);
    const std::string run = root + "/" + std::to_string(i);
    Job undisturbed(kSettings[i], first_ranks(world().size()));
    undisturbed.train(0, 3);
    const auto at_three = undisturbed.copies();
    undisturbed.save(run, 3);
    undisturbed.train(4, 6);
    Job resumed(kSettings[i], first_ranks(world().size()));
    CHECK_FALSE(equal(resumed.copies(), at_three));
    resumed.load(run);
    CHECK(equal(resumed.copies(), at_three));
    resumed.train(3, 6);
    const auto at_six = resumed.copies();
    CHECK(equal(at_six, undisturbed.copies()));
    Job unsaved(kSettings[i], first_ranks(world().size()));  // nor does writing a checkpoint change a bit
    unsaved.train(0, 6);
    CHECK(equal(at_six, unsaved.copies()));
  }
  world().barrier();
}

TEST_CASE("a checkpoint that is due by the clock is written once") {
  const test::TemporaryFolder folder;
  const std::string run = shared_path(folder);
  Job job({}, first_ranks(world().size()));
  CheckpointWriter writer(checkpoints_folder(run), 5, 0, duplicate(job.comm));
  SetClock clock;
  StopSignal stop(StopOn::kUsr1);
  Checkpoints checkpoints(writer, duplicate(job.comm), {60, clock, stop}, [](const std::string&) {});
  for (std::int64_t updates = 1; updates <= 8; ++updates) {
    if (updates == 3) clock.time = 61;
    job.train(updates - 1, updates);
    CHECK_FALSE(checkpoints.after_update(job.record(updates), job.trainer.state));
  }
  checkpoints.complete();
  world().barrier();
  CHECK(list_checkpoints(checkpoints_folder(run)) == std::vector<std::int64_t>{4});
  world().barrier();
}

TEST_CASE("saved by a ranks, loaded by b, saved by b, loaded by a: every bit, the head's rows by class") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  for (int a = 1; a <= world().size(); ++a)
    for (int b = 1; b <= world().size(); ++b)
      for (std::size_t i = 0; i < kSettings.size(); ++i) {
        CAPTURE(a);
        CAPTURE(b);
        CAPTURE(i);
        const std::string first = root + "/" + std::to_string(a * 100 + b * 10) + std::to_string(i),
                          second = first + "b";
        std::vector<at::Tensor> before;
        if (MpiComm comm = first_ranks(a)) {
          Job job(kSettings[i], std::move(comm));
          job.train(0, 3);
          before = job.copies();
          job.save(first, 3);
        }
        world().barrier();
        if (MpiComm comm = first_ranks(b)) {
          Job job(kSettings[i], std::move(comm));
          job.load(first);
          job.save(second, 3);
        }
        world().barrier();
        if (MpiComm comm = first_ranks(a)) {
          Job job(kSettings[i], std::move(comm));
          job.load(second);
          // A statistic or parameter of the head that is each rank's own is rank 0's now; here all are equal.
          CHECK(equal(job.copies(), before));
        }
        world().barrier();
      }
}

TEST_CASE("BatchNorm's statistics: each rank's own at the same world, rank 0's for all at another") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  const auto own = [](Job& job) -> at::Tensor { return job.trainer.backbone.state()[3].tensor; };
  for (int a = 1; a <= world().size(); ++a) {
    const std::string run = root + "/" + std::to_string(a);
    if (MpiComm comm = first_ranks(a)) {
      Job job({}, std::move(comm));
      own(job).fill_(1.5 + job.trainers.rank());
      job.save(run, 3);
    }
    world().barrier();
    for (int b = 1; b <= world().size(); ++b) {
      CAPTURE(a);
      CAPTURE(b);
      if (MpiComm comm = first_ranks(b)) {
        Job job({}, std::move(comm));
        job.load(run);
        CHECK(own(job).eq(1.5 + (a == b ? job.trainers.rank() : 0)).all().item<bool>());
      }
      world().barrier();
    }
  }
}

TEST_CASE("a run that goes on with another number of ranks takes the steps of one that never changed") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  std::vector<at::Tensor> expected;
  {
    Job whole({}, first_ranks(world().size()));
    whole.train(0, 6);
    expected = whole.copies();
  }
  if (MpiComm comm = first_ranks(1)) {
    Job one({}, std::move(comm));
    one.train(0, 3);
    one.save(root, 3);
  }
  world().barrier();
  Job all({}, first_ranks(world().size()));
  all.load(root);
  all.train(3, 6);
  const auto result = all.copies();
  REQUIRE(result.size() == expected.size());
  for (std::size_t k = 0; k < result.size(); ++k) CHECK(result[k].allclose(expected[k], 1e-12, 1e-12));
  world().barrier();
}

TEST_CASE(
    "a damaged checkpoint is passed over by all ranks, and named; without a whole one the run is refused") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  Job job({}, first_ranks(world().size()));
  CHECK_FALSE(job.find(root).has_value());
  job.train(0, 2);
  job.save(root, 2);
  const auto at_two = [&] {
    Job other({}, first_ranks(world().size()));
    other.load(root);
    return other.copies();
  }();
  job.save(root, 4);
  job.save(root, 6);
  const std::string checkpoints = checkpoints_folder(root);
  world().barrier();
  if (world().rank() == 0) {  // one of one rank's file, one in the manifest
    const std::string cut =
        checkpoints + "/step_4/" + rank_file_name(static_cast<std::size_t>(world().size() - 1));
    std::filesystem::resize_file(cut, std::filesystem::file_size(cut) - 1);
    std::fstream manifest(checkpoints + "/step_6/" + kManifestName, std::ios::in | std::ios::out);
    manifest.seekp(10);
    manifest.put('~');
  }
  world().barrier();
  std::vector<std::string> said;
  const auto saved = job.find(root, &said);
  REQUIRE(saved.has_value());
  CHECK(saved->folder == checkpoints + "/step_2");
  REQUIRE(said.size() == 2);
  CHECK(said[0].find("step_6 cannot be used: ") != std::string::npos);
  CHECK(said[0].find("trying the one before") != std::string::npos);
  CHECK(said[1].find("step_4 cannot be used: ") != std::string::npos);
  CHECK(said[1].find("it was cut off") != std::string::npos);
  restore(job.state(), saved->tensors);
  CHECK(equal(job.copies(), at_two));
  world().barrier();
  if (world().rank() == 0) std::filesystem::remove(checkpoints + "/step_2/rank_00000.bin");
  world().barrier();
  CHECK_THROWS_WITH_AS(job.find(root), doctest::Contains("none of the 3 checkpoints"), Error);
  world().barrier();
}

TEST_CASE("storage that fails is no damaged checkpoint: nobody goes back to an older one") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  Job job({}, first_ranks(world().size()));
  job.save(root, 2);
  job.save(root, 4);
  const std::string last = checkpoints_folder(root) + "/step_4/";
  // A socket cannot be opened, and not for want of a file (ENXIO).
  const auto replace = [&](const std::string& name) {
    world().barrier();
    if (world().rank() == 0) {
      std::filesystem::remove(last + name);
      REQUIRE(::mknod((last + name).c_str(), S_IFSOCK | 0600, 0) == 0);
    }
    world().barrier();
  };
  const auto kind = [&] {
    try {
      job.find(root);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::kInternal;
  };
  replace(rank_file_name(static_cast<std::size_t>(world().size() - 1)));
  CHECK(kind() == ErrorKind::kIo);
  replace(kManifestName);
  CHECK(kind() == ErrorKind::kIo);
  world().barrier();
}

TEST_CASE("a rank that cannot write fails the checkpoint on all, with its reason; the others stay") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  Job job({}, first_ranks(world().size()));
  job.save(root, 1, 1);
  CheckpointWriter writer(checkpoints_folder(root), 6, 1, duplicate(job.comm));
  const std::string unfinished = checkpoints_folder(root) + "/" + unfinished_name(2, 6);
  // A folder where the last rank's file should go.
  if (world().rank() == world().size() - 1)
    std::filesystem::create_directories(unfinished + "/" +
                                        rank_file_name(static_cast<std::size_t>(world().rank())) + "/x");
  world().barrier();
  writer.write(job.record(2), capture(job.state(), job.trainers.rank(), job.trainers.size()));
  const std::string failure = writer.finish();
  CHECK(failure.find(rank_file_name(static_cast<std::size_t>(world().size() - 1))) != std::string::npos);
  world().barrier();
  CHECK(list_checkpoints(checkpoints_folder(root)) == std::vector<std::int64_t>{1});
  CHECK_FALSE(std::filesystem::exists(unfinished));
  world().barrier();
}

TEST_CASE("ranks that write to folders of their own have no checkpoint, and are told what they lack") {
  const test::TemporaryFolder folder, own;
  const std::string root = world().rank() == 0 ? folder.path() : own.path();
  Job job({}, first_ranks(world().size()));
  CheckpointWriter writer(checkpoints_folder(root), 6, 1, duplicate(job.comm));
  writer.write(job.record(2), capture(job.state(), job.trainers.rank(), job.trainers.size()));
  const std::string failure = writer.finish();
  CHECK(failure.empty() == (world().size() == 1));
  CHECK((failure.find(rank_file_name(1) + ", which trainer 1 wrote, is not to be seen") !=
         std::string::npos) == (world().size() > 1));
  CHECK(list_checkpoints(checkpoints_folder(root)).empty() == (world().size() > 1));
  world().barrier();
}

TEST_CASE("only the latest are kept") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  Job job({}, first_ranks(world().size()));
  for (const std::int64_t updates : {1, 2, 3, 4}) job.save(root, updates, 2);
  world().barrier();
  CHECK(list_checkpoints(checkpoints_folder(root)) == std::vector<std::int64_t>{4, 3});
  world().barrier();
}

TEST_CASE("what does not fit is refused by name, and nothing is changed") {
  const test::TemporaryFolder folder;
  const std::string root = shared_path(folder);
  Job dense({}, first_ranks(world().size()));
  dense.save(root, 1);
  Job sparse({.sample_rate = 0.3}, first_ranks(world().size()));
  const auto before = sparse.copies();
  const auto saved = sparse.find(root);
  REQUIRE(saved.has_value());
  CHECK_THROWS_WITH_AS(restore(sparse.state(), saved->tensors), doctest::Contains("it lacks head/marks"),
                       Error);
  CHECK(equal(sparse.copies(), before));
  Job floats({.type = at::kFloat}, first_ranks(world().size()));
  CHECK_THROWS_WITH_AS(restore(floats.state(), saved->tensors),
                       doctest::Contains("backbone/weight (f64 [8, 12] for f32"), Error);
  world().barrier();
}

TEST_CASE("what one rank asks for, all learn at the same step") {
  Requests requests(duplicate_world(session()));
  const bool is_last = world().rank() == world().size() - 1;
  CHECK(requests.exchange(kNothing) == kNothing);
  CHECK(requests.exchange(is_last ? kStop : kNothing) == kNothing);
  CHECK(requests.exchange(world().rank() == 0 ? kSave : kNothing) == kStop);
  CHECK(requests.exchange(kNothing) == kSave);
  CHECK(requests.exchange(kNothing) == kNothing);
  world().barrier();
}

TEST_CASE("tensors that all ranks have are written in about equal shares") {
  CHECK(writers({10, 10, 10, 10}, 2) == std::vector<int>{0, 0, 1, 1});
  CHECK(writers({100, 1, 1, 1}, 2) == std::vector<int>{0, 1, 1, 1});
  CHECK(writers({0, 0}, 3) == std::vector<int>{0, 0});
  CHECK(writers({}, 3).empty());
}
