// A data service in a process of its own, and trainers' ends of its rings in this one.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <jpeglib.h>  // after cstdio, which it needs

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"
#include "common/ipc/ring_consumer.hpp"
#include "common/ipc/row_id.hpp"
#include "common/plan/sample_plan.hpp"
#include "dataservice/serve/bad_pictures.hpp"
#include "dataservice/serve/batch_server.hpp"

using namespace facetrain;

namespace {

// A 112 x 112 JPEG whose pixels depend on `number`.
std::vector<std::byte> jpeg(std::uint32_t number) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct encoder{};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* encoded = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &encoded, &size);
  encoder.image_width = encoder.image_height = 112;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  std::vector<unsigned char> row(112 * 3);
  for (unsigned y = 0; y < 112; ++y) {
    for (unsigned x = 0; x < row.size(); ++x)
      row[x] = static_cast<unsigned char>(x * (number % 7 + 1) + y * (number % 5));
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&encoder, rows, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  const auto* first = reinterpret_cast<const std::byte*>(encoded);
  std::vector<std::byte> bytes(first, first + size);
  std::free(encoded);
  return bytes;
}

// A picture per id; ids in `bad` give garbage.
class TestSource : public Source {
 public:
  TestSource(std::uint32_t size, std::uint32_t per_class, std::set<std::uint32_t> bad = {})
      : size_(size), per_class_(per_class), bad_(std::move(bad)) {}
  std::uint32_t size() const override { return size_; }
  std::uint32_t classes() const override { return (size_ + per_class_ - 1) / per_class_; }
  std::int64_t label(std::uint32_t i) const override { return i / per_class_; }
  std::string name(std::uint32_t i) const override { return "picture-" + std::to_string(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
    buffer = bad_.contains(i) ? std::vector<std::byte>(100, std::byte{0x5a}) : jpeg(i);
  }

 private:
  std::uint32_t size_, per_class_;
  std::set<std::uint32_t> bad_;
};

constexpr std::uint64_t kBuild = 77;
constexpr std::uint64_t kDigest = 88;

struct Options {
  int trainers = 1;
  int workers = 2;
  std::int64_t batch = 4;
  std::int64_t epochs = 2;
  std::int64_t slots = 3;
  std::int64_t fixed_size = 0;
  bool redraw = false;
  bool embedding = false;
};

// A service process; killed when the test ends before it.
class Service {
 public:
  Service(const TestSource& source, const Options& options)
      : nonce_(static_cast<std::uint64_t>(::getpid()) << 20 | next_nonce()) {
    ServiceSetup setup;
    setup.config.train.batch_size = options.batch;
    setup.config.train.epochs = options.epochs;
    setup.config.data.slots = options.slots;
    setup.config.data.fixed_size = options.fixed_size;
    setup.config.data.fixed_size_redraw = options.redraw;
    setup.config.data.augment = setup.config.data.rand_erase = true;
    if (options.embedding) {
      setup.config.embed.model_path = "m.pth";
      setup.config.data.augment = setup.config.data.rand_erase = setup.config.data.flip = false;
    }
    setup.topology.trainer_world = setup.topology.node_trainers = options.trainers;
    setup.nonce = nonce_;
    setup.build_id = kBuild;
    setup.config_digest = kDigest;
    setup.workers = options.workers;
    setup.bad_list_path = bad_list();
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    process_ = ::fork();
    if (process_ == 0) {
      int code = 0;
      try {
        BatchServer server(setup, source);
        ::close(ready[1]);
        server.run();
      } catch (...) {
        const Failure failure = current_failure();
        std::ofstream(failure_file()) << failure.text;
        code = failure.code;
      }
      ::_exit(code);
    }
    ::close(ready[1]);
    char byte = 0;
    (void)!::read(ready[0], &byte, 1);  // end-of-file: it listens, or has failed
    ::close(ready[0]);
  }
  ~Service() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    std::filesystem::remove(bad_list());
    std::filesystem::remove(failure_file());
  }

  // Waits for its end; its exit code.
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string failure() const {
    std::ifstream file(failure_file());
    return {(std::istreambuf_iterator<char>(file)), {}};
  }
  std::string bad_list() const { return folder() + "/facetrain_bad_" + std::to_string(nonce_); }
  std::string socket() const { return service_socket_name(nonce_, 0); }

  RingConsumer connect(const Options& options, int rank, Dtype dtype = Dtype::kF32,
                       std::uint64_t digest = kDigest) const {
    Hello hello;
    hello.build_id = kBuild;
    hello.config_digest = digest;
    hello.trainer_rank = static_cast<std::uint32_t>(rank);
    hello.trainer_world = static_cast<std::uint32_t>(options.trainers);
    hello.expected.slots = static_cast<std::uint32_t>(options.slots);
    hello.expected.batch = static_cast<std::uint32_t>(options.batch);
    hello.expected.dtype = dtype;
    hello.strides = hello.expected.strides();
    return RingConsumer(socket(), hello, std::chrono::seconds(10));
  }

 private:
  static std::string folder() { return std::filesystem::temp_directory_path().string(); }
  static std::uint64_t next_nonce() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) & 0xFFFFF;
  }
  std::string failure_file() const { return folder() + "/facetrain_failure_" + std::to_string(nonce_); }

  std::uint64_t nonce_;
  pid_t process_ = -1;
};

std::uint64_t fnv(std::span<const std::byte> bytes) {
  std::uint64_t value = 0xCBF29CE484222325ull;
  for (const std::byte byte : bytes) value = (value ^ static_cast<std::uint64_t>(byte)) * 0x100000001B3ull;
  return value;
}

// What one run delivers: per (epoch, step) the rows of all trainers, id -> digest of its pixels.
using Delivered =
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::multimap<std::int64_t, std::uint64_t>>;

Delivered run(const TestSource& source, const Options& options) {
  Service service(source, options);
  std::vector<RingConsumer> rings;
  for (int rank = 0; rank < options.trainers; ++rank) rings.push_back(service.connect(options, rank));
  Delivered delivered;
  const std::uint64_t steps = rings[0].welcome().steps_per_epoch;
  for (std::int64_t batch = 0; batch < options.epochs * static_cast<std::int64_t>(steps); ++batch) {
    for (RingConsumer& ring : rings) {
      const RingBatch filled = ring.next();
      CHECK(filled.epoch == static_cast<std::uint64_t>(batch) / steps);
      CHECK(filled.step == static_cast<std::uint64_t>(batch) % steps);
      const std::uint64_t row_bytes = ring.welcome().layout.row_bytes();
      for (std::size_t row = 0; row < filled.ids.size(); ++row) {
        CHECK(filled.labels[row] == source.label(static_cast<std::uint32_t>(filled.ids[row])));
        delivered[{filled.epoch, filled.step}].emplace(
            filled.ids[row], fnv(filled.images.subspan(row * row_bytes, row_bytes)));
      }
      ring.release(filled.slot);
    }
  }
  for (RingConsumer& ring : rings) ring.goodbye();
  CHECK(service.wait() == 0);
  return delivered;
}

}  // namespace

TEST_CASE("every epoch's batches come in order, with the plan's samples") {
  const TestSource source(50, 5);
  const Options options;
  const Delivered delivered = run(source, options);
  CHECK(delivered.size() == 24);  // 2 epochs x 50 / 4
  const PlanShape shape{.samples = 50, .world = 1, .batch = 4};
  for (const auto& [when, rows] : delivered) {
    const EpochOrder order(shape, when.first);
    for (std::uint32_t row = 0; row < 4; ++row) CHECK(rows.contains(order.sample(when.second, 0, row)));
  }
}

TEST_CASE("fixed_size: shorter epochs, of the first pictures or of others each time") {
  const TestSource source(50, 5);
  const auto ids = [](const Delivered& delivered) {
    std::set<std::int64_t> seen;
    for (const auto& [when, rows] : delivered)
      for (const auto& [id, digest] : rows) seen.insert(id);
    return seen;
  };
  const Delivered first = run(source, {.trainers = 2, .batch = 4, .epochs = 4, .fixed_size = 16});
  CHECK(first.size() == 8);  // 4 epochs x 16 / (2 x 4)
  CHECK(ids(first).size() == 16);
  CHECK(*ids(first).rbegin() == 15);
  const Delivered drawn =
      run(source, {.trainers = 2, .batch = 4, .epochs = 4, .fixed_size = 16, .redraw = true});
  CHECK(drawn.size() == 8);
  CHECK(ids(drawn).size() > 30);
}

TEST_CASE("more than there is cannot be a fixed_size") {
  const TestSource source(50, 5);
  Service service(source, {.fixed_size = 51});
  CHECK(service.wait() == 78);
  CHECK(service.failure() == "data.fixed_size is 51, but there are only 50 training pictures");
}

TEST_CASE("samples and pixels of a step do not depend on the number of threads or trainers") {
  const TestSource source(48, 4);
  const Delivered one = run(source, {.trainers = 1, .workers = 1, .batch = 6});
  CHECK(one == run(source, {.trainers = 1, .workers = 4, .batch = 6}));
  CHECK(one == run(source, {.trainers = 2, .workers = 3, .batch = 3, .slots = 2}));
  CHECK(one == run(source, {.trainers = 3, .workers = 2, .batch = 2}));
}

TEST_CASE("trainers several epochs apart are served, when the rings hold more than an epoch") {
  const TestSource source(8, 2);
  const Options options{.trainers = 2, .batch = 4, .epochs = 12};  // one step an epoch, three slots
  Service service(source, options);
  RingConsumer fast = service.connect(options, 0), slow = service.connect(options, 1);
  for (std::uint32_t lead = 0; lead < 3; ++lead) fast.release(fast.next().slot);
  for (std::uint32_t epoch = 0; epoch < 12; ++epoch) {
    const RingBatch batch = slow.next();
    CHECK(batch.epoch == epoch);
    const EpochOrder order({.samples = 8, .world = 2, .batch = 4}, epoch);
    for (std::uint32_t row = 0; row < 4; ++row) CHECK(batch.ids[row] == order.sample(0, 1, row));
    slow.release(batch.slot);
    if (epoch >= 3) fast.release(fast.next().slot);
  }
  fast.goodbye();
  slow.goodbye();
  CHECK(service.wait() == 0);
}

TEST_CASE("bad pictures are replaced by their identity's others, counted and listed") {
  const TestSource source(40, 4, {3, 8, 9, 10, 11});  // the whole identity 2 is bad
  const Options options;
  Service service(source, options);
  RingConsumer ring = service.connect(options, 0);
  std::uint64_t bad = 0;
  for (int step = 0; step < 20; ++step) {
    const RingBatch batch = ring.next();
    for (std::size_t row = 0; row < batch.ids.size(); ++row) {
      CHECK(batch.ids[row] != 3);
      CHECK((batch.ids[row] < 8 || batch.ids[row] > 11));
      CHECK(batch.labels[row] == source.label(static_cast<std::uint32_t>(batch.ids[row])));
    }
    bad = batch.bad_pictures;
    ring.release(batch.slot);
  }
  ring.goodbye();
  CHECK(bad == 5);
  std::ifstream list(service.bad_list());
  std::set<std::string> paths;
  for (std::string line; std::getline(list, line);) paths.insert(line.substr(0, line.find('\t')));
  CHECK(paths == std::set<std::string>{"picture-3", "picture-8", "picture-9", "picture-10", "picture-11"});
  CHECK(service.wait() == 0);
}

TEST_CASE("too many bad pictures end the service with their names") {
  std::set<std::uint32_t> bad;
  for (std::uint32_t i = 0; i < 40; i += 2) bad.insert(i);
  const TestSource source(40, 4, bad);
  const Options options;
  Service service(source, options);
  RingConsumer ring = service.connect(options, 0);
  CHECK_THROWS_AS(([&] {
                    for (;;) ring.release(ring.next().slot);
                  }()),
                  Error);
  CHECK(service.wait() == 66);
  CHECK_MESSAGE(service.failure().find("too many bad pictures: 11 (the limit is 10)") != std::string::npos,
                service.failure());
  CHECK(service.failure().find("picture-") != std::string::npos);
}

TEST_CASE("an embedding job: every picture once, in order, no stand-in, the last batch padded") {
  const TestSource source(22, 4, {3, 21});
  std::map<std::int64_t, std::uint64_t> first;  // id -> pixels
  for (const int trainers : {1, 2, 3}) {
    const Options options{.trainers = trainers, .batch = 4, .epochs = 1, .embedding = true};
    Service service(source, options);
    std::vector<RingConsumer> rings;
    for (int rank = 0; rank < trainers; ++rank) rings.push_back(service.connect(options, rank));
    const std::uint64_t steps = rings[0].welcome().steps_per_epoch;
    CHECK(steps == (22u + 4u * static_cast<unsigned>(trainers) - 1) / (4u * static_cast<unsigned>(trainers)));
    std::map<std::int64_t, std::uint64_t> seen;
    std::int64_t expected = 0;
    for (std::uint64_t step = 0; step < steps; ++step) {
      std::vector<RingBatch> batches;
      for (RingConsumer& ring : rings) batches.push_back(ring.next());
      const std::uint64_t row_bytes = rings[0].welcome().layout.row_bytes();
      for (std::size_t row = 0; row < 4; ++row)
        for (const RingBatch& batch : batches) {
          const auto pixels = batch.images.subspan(row * row_bytes, row_bytes);
          const bool usable = expected < 22 && expected != 3 && expected != 21;
          const std::int64_t id = usable          ? expected
                                  : expected < 22 ? unusable_row(static_cast<std::uint32_t>(expected))
                                                  : kPaddingRow;
          CHECK(batch.ids[row] == id);
          if (usable) seen[id] = fnv(pixels);
          if (!usable)
            CHECK(std::all_of(pixels.begin(), pixels.end(), [](std::byte b) { return b == std::byte{0}; }));
          ++expected;
        }
      for (std::size_t rank = 0; rank < rings.size(); ++rank) rings[rank].release(batches[rank].slot);
    }
    CHECK(seen.size() == 20);
    if (trainers == 1) first = seen;
    CHECK(seen == first);
    for (RingConsumer& ring : rings) ring.goodbye();
    CHECK(service.wait() == 0);
    std::ifstream list(service.bad_list());
    std::set<std::string> paths;
    for (std::string line; std::getline(list, line);) paths.insert(line.substr(0, line.find('\t')));
    CHECK(paths == std::set<std::string>{"picture-3", "picture-21"});
  }
}

TEST_CASE("an embedding job without a usable picture ends; with one it does not, however many are bad") {
  std::set<std::uint32_t> bad;
  for (std::uint32_t i = 0; i < 30; ++i) bad.insert(i);
  for (const bool all : {true, false}) {
    if (!all) bad.erase(17);
    const TestSource source(30, 4, bad);
    const Options options{.batch = 30, .epochs = 1, .embedding = true};
    Service service(source, options);
    RingConsumer ring = service.connect(options, 0);
    if (all) {
      CHECK_THROWS_AS(ring.next(), Error);
      CHECK(service.wait() == 66);
      CHECK(service.failure().find("too many bad pictures: 30 (the limit is 29)") != std::string::npos);
    } else {
      CHECK(ring.next().ids[17] == 17);
      ring.goodbye();
      CHECK(service.wait() == 0);
    }
  }
}

TEST_CASE("strangers and wrong trainers are turned away, the right one is served") {
  const TestSource source(40, 4);
  const Options options;
  Service service(source, options);
  const Fd silent = connect_abstract(service.socket());
  const Fd garbage = connect_abstract(service.socket());
  Message junk;
  send_frame(garbage.get(), junk);
  CHECK_FALSE(receive_frame(garbage, nullptr, std::chrono::seconds(5), nullptr));
  CHECK_THROWS_WITH_AS(service.connect(options, 0, Dtype::kF32, 12345),
                       doctest::Contains("different configurations"), Error);
  CHECK_THROWS_WITH_AS(service.connect(options, 7), doctest::Contains("count the trainers differently"),
                       Error);
  CHECK_THROWS_WITH_AS(
      service.connect({.batch = 5}, 0),
      doctest::Contains(
          "lays batches out as 3 slots of 4 x 112 x 112 x 3 f32, the trainer expects 3 slots of 5"),
      Error);
  RingConsumer ring = service.connect(options, 0, Dtype::kF16);
  CHECK(ring.welcome().layout.dtype == Dtype::kF16);
  CHECK_THROWS_WITH_AS(service.connect(options, 0, Dtype::kF16),
                       doctest::Contains("two trainers report rank 0"), Error);
  for (int step = 0; step < 20; ++step) ring.release(ring.next().slot);
  ring.goodbye();
  CHECK(service.wait() == 0);
}

TEST_CASE("a trainer that dies is named") {
  const TestSource source(40, 4);
  const Options options{.trainers = 2};
  Service service(source, options);
  RingConsumer other = service.connect(options, 0);
  const pid_t child = ::fork();
  if (child == 0) {
    RingConsumer ring = service.connect(options, 1);
    (void)ring.next();
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  CHECK(service.wait() == 70);
  CHECK(service.failure().find("trainer rank 1 (node 0)") != std::string::npos);
}

TEST_CASE("a ring that does not fit into memory is refused before it is made") {
  const TestSource source(4'000'000, 4);
  const Options options{.trainers = 1, .batch = 3'000'000, .slots = 64};
  Service service(source, options);
  CHECK_THROWS_AS(service.connect(options, 0), Error);
  CHECK(service.wait() == 78);
  CHECK(service.failure().find("too little memory for the batch ring") != std::string::npos);
  CHECK(service.failure().find("MemAvailable is") != std::string::npos);
}

TEST_CASE("a data set smaller than one step is refused") {
  const TestSource source(3, 1);
  Service service(source, {.batch = 4});
  CHECK(service.wait() == 78);
  CHECK(service.failure().find("fewer than one step") != std::string::npos);
}
