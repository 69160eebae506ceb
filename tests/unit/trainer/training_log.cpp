// The training log: the reference's lines and times, the file, the progress line, the event file.
#include "trainer/log/training_log.hpp"
#include "tests/file_text.hpp"

#include <sys/resource.h>

#include <stdlib.h>
#include <csignal>
#include <cstdint>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "common/error.hpp"
#include "common/io/crc32c.hpp"
#include "fake_clock.hpp"
#include "trainer/log/event_writer.hpp"
#include "trainer/log/log_lines.hpp"
#include "trainer/log/train_logger.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

struct UtcTime {
  UtcTime() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "facetrain_log_XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

// What a FILE* takes, kept in memory.
class Screen {
 public:
  Screen() : file_(open_memstream(&text_, &size_)) {}
  ~Screen() {
    std::fclose(file_);
    free(text_);
  }
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

const char* const kPrefix = "Training: 2025-01-01 12:00:00,123-";

}  // namespace

TEST_CASE("lines are the reference's") {
  Progress p;
  p.epoch = 0, p.epochs = 26, p.step = 20, p.total_steps = 1000;
  p.loss = 38.12344, p.samples_per_second = 812.5, p.hours_left = 2.6, p.data_wait = 0.0149;
  CHECK(progress_line(p) ==
        "Epoch: [1-26]  Loss 38.1234   Global Step: [20-1000]  Speed 812.50 samples/sec  Required: 3 hours  "
        "Data wait 1.5 %");
  CHECK(accuracy_line("lfw", 14.0 / 15, 0.01234) == "lfw: 0.93333+-0.01234");
  CHECK(mean_accuracy_line(0.93333) == "Mean accuracy: 0.93333");
  CHECK(best_accuracy_line(0.93333, 5001) == "Best accuracy: 0.93333 at step 5001");
  CHECK(validation_time_line(12.34, 3085) == "Validation: 12.3 s, 0.40 % of the epoch");
}

TEST_CASE("times and file names are Python's") {
  const UtcTime utc;
  using namespace std::chrono;
  const system_clock::time_point noon{milliseconds(1735732800000)};
  CHECK(log_time(noon) == "2025-01-01 12:00:00,000");
  CHECK(log_time(noon + milliseconds(59999)) == "2025-01-01 12:00:59,999");
  CHECK(model_file_name(noon + seconds(59), 0.93336, 5001) ==
        "model_2025-01-01-12-00_accuracy;0.9334_step;5001.pth");
}

TEST_CASE("each line goes to the terminal and is appended to the file at once") {
  const UtcTime utc;
  const Folder folder;
  const FakeClock clock;
  const std::string path = folder.path / "training.log";
  std::ofstream(path) << "earlier\n";
  Screen screen;
  TrainingLog log(path, screen.file(), clock);
  log.line("Validating...");
  CHECK(screen.text() == std::string(kPrefix) + "Validating...\n");
  CHECK(test::file_text(path) == "earlier\n" + std::string(kPrefix) + "Validating...\n");
  log.progress("not shown");
  CHECK(screen.text() == std::string(kPrefix) + "Validating...\n");
}

TEST_CASE("a log that cannot be opened is an error that names it") {
  const FakeClock clock;
  CHECK_THROWS_WITH_AS(
      TrainingLog("/no/such/folder/training.log", nullptr, clock),
      doctest::Contains("open the log /no/such/folder/training.log: No such file or directory"), Error);
}

// Files of this process end at `bytes` while it lives, as on a full disk.
class SmallDisk {
 public:
  explicit SmallDisk(std::uintmax_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int);
};

TEST_CASE("a log on a full disk says so once, and goes on with whole lines when there is room") {
  const UtcTime utc;
  const Folder folder;
  const FakeClock clock;
  const std::string path = folder.path / "training.log";
  Screen screen;
  TrainingLog log(path, screen.file(), clock);
  log.line("before");
  const std::string before = test::file_text(path), told = screen.text();
  {
    const SmallDisk full(before.size() + 5);
    log.line("first");
    log.line("second");
  }
  CHECK(test::file_text(path) == before);
  CHECK(screen.text() == told + kPrefix + "first\n" + kPrefix + "WARNING: write the log " + path +
                             ": File too large; until it can be written its lines are here only\n" + kPrefix +
                             "second\n");
  log.line("after");
  CHECK(test::file_text(path) == before + kPrefix + "after\n");
}

TEST_CASE("events on a full disk are left out whole") {
  const Folder folder;
  const FakeClock clock;
  EventWriter events((folder.path / "log").string(), clock);
  events.scalar("a", 1, 1);
  const std::string before = test::file_text(events.path());
  {
    const SmallDisk full(before.size() + 5);
    events.scalar("a", 2, 2);
  }
  CHECK(test::file_text(events.path()) == before);
  events.scalar("a", 3, 3);
  const std::string after = test::file_text(events.path());
  CHECK(after.starts_with(before));
  CHECK(after.size() == before.size() + tfrecord(scalar_event(0, 3, "a", 3)).size());
}

TEST_CASE("the progress line is rewritten in place and never mixed into log lines") {
  const UtcTime utc;
  const Folder folder;
  FakeClock clock;
  const std::string path = folder.path / "training.log";
  Screen screen;
  {
    TrainingLog log(path, screen.file(), clock, true);
    log.progress("one");
    log.progress("too soon");
    clock.elapsed += 1;
    log.progress("two");
    log.line("text");
  }
  const std::string erase = "\r\x1b[K";
  CHECK(screen.text() == erase + "one" + erase + "two" + erase + kPrefix + "text\n" + "two" + erase);
  CHECK(test::file_text(path) == std::string(kPrefix) + "text\n");
}

TEST_CASE("the bar fits its width") {
  const std::string bar = progress_bar({0, 26, 20, 40, 38.5}, 79);
  CHECK(bar.size() <= 79);
  CHECK(bar.find(" 50%  epoch 1/26  step 20/40  loss 38.5000") != std::string::npos);
  CHECK(std::count(bar.begin(), bar.end(), '=') > 0);
  CHECK(progress_bar({0, 26, 20, 40, 38.5}, 20).size() == 20);
  CHECK(progress_bar({0, 1, 40, 40, 0}, 79).find('>') == std::string::npos);
}

TEST_CASE("the first line comes at the first frequency_log; start-up and pauses do not slow it") {
  const UtcTime utc;
  FakeClock clock;
  Screen screen;
  TrainingLog log("", screen.file(), clock);
  TrainLogger logger(
      {.global_batch = 64, .steps_per_epoch = 8, .epochs = 900, .frequency_log = 4, .total_steps = 7200}, log,
      nullptr, clock);
  clock.elapsed += 500;  // start-up
  logger.start();
  for (int step = 1; step <= 3; ++step) {
    clock.elapsed += 2;
    logger.step({.step = step, .epoch = 0, .loss = 1.0 * step, .lr = 0.1, .data_wait = 0.5});
  }
  CHECK(screen.text().empty());
  logger.pause();
  clock.elapsed += 100;
  logger.resume();
  clock.elapsed += 2;
  logger.step({.step = 4, .epoch = 0, .loss = 4.0, .lr = 0.1, .data_wait = 0.5});
  // 4 steps of 64 in 8 s; wait 2 of 8 s; left: 108 s / 4 steps x 7196 steps = 53.97 h.
  CHECK(screen.text() == std::string(kPrefix) +
                             "Epoch: [1-900]  Loss 2.5000   Global Step: [4-7200]  Speed 32.00 samples/sec  "
                             "Required: 54 hours  Data wait 25.0 %\n");
  for (int step = 5; step <= 8; ++step) {
    clock.elapsed += 1;
    logger.step({.step = step, .epoch = 0, .loss = 8.0, .lr = 0.1, .data_wait = 0});
  }
  CHECK(
      screen.text().find("Loss 8.0000   Global Step: [8-7200]  Speed 64.00 samples/sec  Required: 28 hours  "
                         "Data wait 0.0 %") != std::string::npos);
}

TEST_CASE("a resumed run's time left counts its own steps, and what is left by its own plan") {
  FakeClock clock;
  Screen screen;
  TrainingLog log("", screen.file(), clock);
  TrainLogger logger(
      {.global_batch = 1, .steps_per_epoch = 100, .epochs = 2, .frequency_log = 10, .total_steps = 210}, log,
      nullptr, clock);
  logger.start(110);  // 100 steps of an epoch are left, whatever the first epoch's plan was
  for (int step = 111; step <= 120; ++step) {
    clock.elapsed += 3600;
    logger.step({.step = step, .epoch = 1, .loss = 1, .lr = 0.1, .data_wait = 0});
  }
  CHECK(screen.text().find("Global Step: [120-210]") != std::string::npos);
  CHECK(screen.text().find("Required: 90 hours") != std::string::npos);
}

TEST_CASE("CRC-32C and TFRecord framing") {
  CHECK(crc32c("123456789") == 0xE3069283u);            // the check value of CRC-32C
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
  const std::string record = tfrecord("abc");
  REQUIRE(record.size() == 8 + 4 + 3 + 4);
  CHECK(record.substr(0, 8) == std::string("\3\0\0\0\0\0\0\0", 8));
  CHECK(record.substr(12, 3) == "abc");
  const auto masked = [](std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; };
  std::uint32_t stored = 0;
  std::memcpy(&stored, record.data() + 8, 4);
  CHECK(stored == masked(crc32c(record.substr(0, 8))));
  std::memcpy(&stored, record.data() + 15, 4);
  CHECK(stored == masked(crc32c("abc")));
}

TEST_CASE("a scalar's event, byte by byte") {
  // wall_time 1.0; step 300; summary { value { tag: "loss" simple_value: 0.5 } }
  const std::string expected(
      "\x09\0\0\0\0\0\0\xf0\x3f"
      "\x10\xac\x02"
      "\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\x3f",
      27);
  CHECK(scalar_event(1.0, 300, "loss", 0.5f) == expected);
}

TEST_CASE("the event file begins with its version and holds the scalars of each report") {
  const Folder folder;
  FakeClock clock;
  clock.wall = std::chrono::system_clock::time_point(std::chrono::milliseconds(1735732800125));
  TrainingLog log("", nullptr, clock);
  EventWriter events((folder.path / "run" / "log").string(), clock);
  CHECK(std::filesystem::path(events.path())
            .filename()
            .string()
            .starts_with("events.out.tfevents.1735732800."));
  TrainLogger logger(
      {.global_batch = 1, .steps_per_epoch = 4, .epochs = 1, .frequency_log = 2, .total_steps = 4}, log,
      &events, clock);
  for (int step = 1; step <= 2; ++step) {
    clock.elapsed += 1;
    logger.step({.step = step, .epoch = 0, .loss = 1.0 * step, .lr = 0.1, .data_wait = 0.25});
  }
  events.scalar("lfw acc", 0.93333, 3);
  const double wall = 1735732800.125;
  std::string expected = tfrecord(version_event(wall));
  expected += tfrecord(scalar_event(wall, 2, "time_for_end", static_cast<float>(2.0 / 3600)));
  expected += tfrecord(scalar_event(wall, 2, "loss", 1.5f));
  expected += tfrecord(scalar_event(wall, 2, "data_wait", 0.25f));
  expected += tfrecord(scalar_event(wall, 2, "lr", 0.1f));
  expected += tfrecord(scalar_event(wall, 3, "lfw acc", 0.93333f));
  CHECK(test::file_text(events.path()) == expected);
}
