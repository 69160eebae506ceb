// A data service of an embedding job: every picture once, in order, and none instead of another.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/ipc/ring_consumer.hpp"
#include "common/ipc/row_id.hpp"
#include "tests/service_fixture.hpp"

using namespace facetrain;
using namespace facetrain::test;

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

TEST_CASE("an embedding job on two nodes: one that has no usable picture ends it") {
  std::set<std::uint32_t> bad;
  for (std::uint32_t i = 1; i < 30; i += 2) bad.insert(i);  // those of trainer 1
  const TestSource source(30, 4, bad);
  const Options options{.batch = 15, .epochs = 1, .embedding = true, .nodes = 2, .node = 1};
  Service service(source, options);
  RingConsumer ring = service.connect(options, 1);
  CHECK_THROWS_AS(ring.next(), Error);
  CHECK(service.wait_for(std::chrono::seconds(20)) == 66);
  CHECK(service.failure().find("too many bad pictures: 15 (the limit is 14)") == 0);
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
