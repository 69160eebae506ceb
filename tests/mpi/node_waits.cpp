// Every node's waiting for data, gathered from its trainers.
#include "trainer/log/node_waits.hpp"

#include <string>

#include "tests/mpi/world.hpp"
#include "tests/unit/trainer/fake_clock.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

TEST_CASE("every rank learns each node's name, its share of waiting and its service's queue") {
  const int rank = world().rank(), ranks = world().size();
  Topology topology;  // the last rank has a node of its own, the others share one
  topology.nodes = ranks > 1 ? 2 : 1;
  topology.node = ranks > 1 && rank == ranks - 1 ? 1 : 0;
  FakeClock clock;
  const std::string name = topology.node == 0 ? "first" : std::string(70, 'x');
  NodeWaits waits(topology, name, world(), at::kCPU, clock);
  for (int interval = 0; interval < 2; ++interval) {  // the second starts from nothing again
    waits.add(1, 3);
    waits.add(rank, 1);
    clock.elapsed += 10;
    const std::vector<NodeWait> nodes = waits.gather();
    REQUIRE(nodes.size() == static_cast<std::size_t>(topology.nodes));
    CHECK(nodes[0].host == "first");
    CHECK(nodes[0].waited == doctest::Approx(ranks == 3 ? 0.15 : 0.1));  // of ranks 0 and 1, else of rank 0
    CHECK(nodes[0].ready == 2);
    if (ranks == 1) continue;
    CHECK(nodes[1].host == std::string(64, 'x'));
    CHECK(nodes[1].waited == doctest::Approx(0.1 * ranks));
    CHECK(nodes[1].ready == 2);
  }
}
