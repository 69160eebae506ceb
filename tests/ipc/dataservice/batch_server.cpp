// A data service in a process of its own, and trainers' ends of its rings in this one.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"
#include "common/ipc/ring_consumer.hpp"
#include "common/plan/chunked_plan.hpp"
#include "common/plan/sample_plan.hpp"
#include "dataservice/source/stalling_source.hpp"
#include "tests/service_fixture.hpp"

using namespace facetrain;
using namespace facetrain::test;

namespace {

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

TEST_CASE("data.order = chunked: 1, 2 and 3 trainers get every picture once an epoch, in the same steps") {
  const TestSource source(48, 4);
  const Delivered one = run(source, {.trainers = 1, .batch = 6, .chunked = true});
  CHECK(one.size() == 16);  // 2 epochs x 48 / 6
  for (std::uint32_t epoch = 0; epoch < 2; ++epoch) {
    std::set<std::int64_t> seen;
    for (const auto& [when, rows] : one)
      if (when.first == epoch)
        for (const auto& [id, digest] : rows) CHECK(seen.insert(id).second);
    CHECK(seen.size() == 48);
  }
  CHECK(one == run(source, {.trainers = 2, .workers = 3, .batch = 3, .chunked = true}));
  CHECK(one == run(source, {.trainers = 3, .batch = 2, .chunked = true}));
  CHECK(one != run(source, {.trainers = 1, .batch = 6}));
}

TEST_CASE("data.order = chunked: two nodes' services share an epoch's pictures, each reads its own shards") {
  const TestSource source(48, 4);
  const PlanShape shape{.samples = 48,
                        .world = 4,
                        .batch = 3,
                        .strategy = Strategy::kChunked,
                        .nodes = 2,
                        .shard = 4,
                        .window = 16};
  std::set<std::int64_t> seen;
  for (int node = 0; node < 2; ++node) {
    const Options options{.trainers = 2, .batch = 3, .epochs = 1, .chunked = true, .nodes = 2, .node = node};
    Service service(source, options);
    std::set<std::int64_t> share;
    for (const SampleRange& range :
         samples_at(shape, shuffled_shards(shape, 0), node_share(shape, static_cast<std::uint32_t>(node))))
      for (std::uint64_t k = 0; k < range.count; ++k)
        share.insert(static_cast<std::int64_t>(range.first + k));
    std::vector<RingConsumer> rings;
    for (int local = 0; local < 2; ++local) rings.push_back(service.connect(options, 2 * node + local));
    for (int step = 0; step < 4; ++step)
      for (RingConsumer& ring : rings) {
        const RingBatch batch = ring.next();
        for (const std::int64_t id : batch.ids) {
          CHECK(seen.insert(id).second);
          CHECK(share.contains(id));
        }
        ring.release(batch.slot);
      }
    for (RingConsumer& ring : rings) ring.goodbye();
    CHECK(service.wait() == 0);
  }
  CHECK(seen.size() == 48);
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

TEST_CASE("on two nodes a service ends the job at 0.1 % of the pictures that are its own") {
  const PlanShape shape{.samples = 24'000, .world = 2, .batch = 20};
  const EpochOrder order(shape, 0);
  for (const std::uint32_t broken : {12u, 13u}) {
    std::set<std::uint32_t> bad;
    for (std::uint32_t row = 0; row < broken; ++row) bad.insert(order.sample(0, 1, row));
    const TestSource source(24'000, 4, bad);
    const Options options{.batch = 20, .nodes = 2, .node = 1};
    Service service(source, options);
    RingConsumer ring = service.connect(options, 1);
    if (broken == 12) {
      CHECK_NOTHROW(ring.next());
    } else {
      CHECK_THROWS_AS(ring.next(), Error);
      CHECK(service.wait_for(std::chrono::seconds(20)) == 66);
      CHECK(service.failure().find("too many bad pictures: 13 (the limit is 12)") == 0);
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
  CHECK_THROWS_WITH_AS(
      service.connect(options, 0, Dtype::kF32, kDigest, 78),
      doctest::Contains(
          "refused this trainer: the service is of build 1.0, id 77, the trainer of build 1.0, id 78"),
      Error);
  {
    // Who takes back what it has just said does no harm either.
    Hello hasty;
    const Fd socket = connect_abstract(service.socket());
    send_frame(socket.get(), Message(hasty));
  }
  std::vector<Fd> crowd;  // more than may wait: a trainer is served all the same
  for (int i = 0; i < 100; ++i) crowd.push_back(connect_abstract(service.socket()));
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

TEST_CASE("a trainer's waiting is interrupted at once, and it still says goodbye") {
  const TestSource source(40, 4);
  const Options options;
  Service service(source, options);
  RingConsumer ring = service.connect(options, 0);
  for (std::uint32_t slot = 0; slot < ring.welcome().layout.slots; ++slot) (void)ring.next();  // none is left
  auto begin = std::chrono::steady_clock::now();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    begin = std::chrono::steady_clock::now();
    ring.interrupt();
  });
  CHECK_THROWS_WITH_AS(ring.next(), doctest::Contains("interrupted"), Error);
  CHECK_THROWS_AS(ring.next(), Error);  // from then on
  // The service's own death is waited for, so that its reason comes first: three seconds.
  const auto end = std::chrono::steady_clock::now();
  other.join();
  CHECK(end - begin < std::chrono::seconds(2));
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

TEST_CASE("storage that fails ends the job; no picture is replaced") {
  struct Fails final : TestSource {
    Fails() : TestSource(40, 4) {}
    void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
      if (i == 17) throw Error(ErrorKind::kIo, "read picture-17: Stale file handle");
      TestSource::read(i, buffer);
    }
  };
  const Fails source;
  const Options options{.batch = 40};
  Service service(source, options);
  RingConsumer ring = service.connect(options, 0);
  CHECK_THROWS_AS(ring.next(), Error);
  CHECK(service.wait_for(std::chrono::seconds(20)) == 74);
  CHECK(service.failure() == "read picture-17: Stale file handle");
  CHECK_FALSE(std::filesystem::exists(service.bad_list()));
}

TEST_CASE("storage that stalls is named without being asked for a name") {
  const StallingSource source(std::make_unique<TestSource>(40, 4), 3);
  const Options options{.storage = 1};
  Service service(source, options);
  RingConsumer ring = service.connect(options, 0);
  CHECK(service.wait_for(std::chrono::seconds(20)) == 74);
  CHECK(service.failure().find("reading picture-") == 0);
  CHECK(service.failure().find("longer than limits.storage: the storage stalls") != std::string::npos);
}

TEST_CASE("so is storage that stalls while a bad picture's name is read") {
  struct Nameless final : TestSource {
    Nameless() : TestSource(40, 4, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {}
    std::string name(std::uint32_t) const override {
      for (;;) ::pause();
    }
    std::string place(std::uint32_t i) const override { return TestSource::name(i); }
  };
  const Nameless source;
  const Options options{.storage = 1};
  Service service(source, options);
  RingConsumer ring = service.connect(options, 0);
  CHECK(service.wait_for(std::chrono::seconds(20)) == 74);
  CHECK(service.failure().find("reading picture-") == 0);
}

TEST_CASE("a data set smaller than one step is refused") {
  const TestSource source(3, 1);
  Service service(source, {.batch = 4});
  CHECK(service.wait() == 78);
  CHECK(service.failure().find("fewer than one step") != std::string::npos);
}
