#include <doctest/doctest.h>

#include "trainer/log/node_waits.hpp"

using namespace facetrain;

using Nodes = std::vector<NodeWait>;
using Lines = std::vector<std::string>;

TEST_CASE("the node that holds the others up is named, with its waiting and its service's queue") {
  CHECK(slow_node_lines(Nodes{{"n1", 0.003, 2.9}, {"n2", 0.42, 0.1}}, 3) ==
        Lines{"Node 1 (n2) is slow: its trainers waited 42.0 % of the time for data, those of other nodes "
              "0.3 %; its "
              "data service had 0.1 of 3 batches ready"});
  CHECK(slow_node_lines(Nodes{{"a", 0.2, 1}, {"b", 0.01, 3}, {"c", 0.3, 0}, {"d", 0.02, 3}, {"e", 0, 3}}, 3)
            .size() == 2);
}

TEST_CASE("no node is named when all wait alike, or hardly") {
  CHECK(slow_node_lines(Nodes{{"n1", 0.4, 0}, {"n2", 0.45, 0}}, 3).empty());
  CHECK(slow_node_lines(Nodes{{"n1", 0, 3}, {"n2", 0.05, 3}}, 3).empty());
  CHECK(slow_node_lines(Nodes{{"n1", 0.9, 0}}, 3).empty());
  CHECK(slow_node_lines(Nodes{}, 3).empty());
}
