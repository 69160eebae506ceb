// make_topology: one node, MPMD orders, several nodes, and launches that cannot work.
#include "common/topology.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/error.hpp"

using namespace facetrain;

namespace {

constexpr Role S = Role::kService;
constexpr Role T = Role::kTrainer;

std::string message_of(const std::vector<ProcessReport>& reports) {
  try {
    make_topology(reports, 0);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kConfig);
    return error.what();
  }
  return "no error";
}

bool names(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("one node, the service first") {
  const std::vector<ProcessReport> reports = {{S, 7}, {T, 7}, {T, 7}};
  const Topology service = make_topology(reports, 0);
  CHECK(service.role == S);
  CHECK(service.world_size == 3);
  CHECK(service.nodes == 1);
  CHECK(service.node == 0);
  CHECK(service.trainer_world == 2);
  CHECK(service.trainer_rank == 0);
  CHECK(service.node_trainers == 2);
  CHECK(service.service_world_rank == 0);
  const Topology second = make_topology(reports, 2);
  CHECK(second.role == T);
  CHECK(second.world_rank == 2);
  CHECK(second.trainer_rank == 1);
  CHECK(second.local_trainer == 1);
  CHECK(second.service_world_rank == 0);
}

TEST_CASE("MPMD in another order: trainers first, or the service between them") {
  const std::vector<ProcessReport> last = {{T, 0}, {T, 0}, {S, 0}};
  CHECK(make_topology(last, 0).trainer_rank == 0);
  CHECK(make_topology(last, 1).trainer_rank == 1);
  CHECK(make_topology(last, 0).service_world_rank == 2);
  const std::vector<ProcessReport> between = {{T, 0}, {S, 0}, {T, 0}};
  CHECK(make_topology(between, 2).trainer_rank == 1);
  CHECK(make_topology(between, 2).local_trainer == 1);
  CHECK(make_topology(between, 2).service_world_rank == 1);
}

TEST_CASE("two nodes filled one after the other (ppr:3:node)") {
  const std::vector<ProcessReport> reports = {{S, 0}, {T, 0}, {T, 0}, {S, 3}, {T, 3}, {T, 3}};
  const int trainer_ranks[] = {0, 0, 1, 2, 2, 3};
  const int local_trainers[] = {0, 0, 1, 0, 0, 1};
  for (int rank = 0; rank < 6; ++rank) {
    CAPTURE(rank);
    const Topology t = make_topology(reports, rank);
    CHECK(t.nodes == 2);
    CHECK(t.node == rank / 3);
    CHECK(t.trainer_world == 4);
    CHECK(t.node_trainers == 2);
    CHECK(t.trainer_rank == trainer_ranks[rank]);
    CHECK(t.local_trainer == local_trainers[rank]);
    CHECK(t.service_world_rank == (rank < 3 ? 0 : 3));
  }
}

TEST_CASE("world ranks dealt out over the nodes in turn: trainer ranks still go node by node") {
  const std::vector<ProcessReport> reports = {{S, 10}, {S, 5}, {T, 10}, {T, 5}, {T, 10}, {T, 5}};
  CHECK(make_topology(reports, 0).node == 0);  // by the nodes' lowest world rank, not by their numbers
  CHECK(make_topology(reports, 1).node == 1);
  CHECK(make_topology(reports, 2).trainer_rank == 0);
  CHECK(make_topology(reports, 4).trainer_rank == 1);
  CHECK(make_topology(reports, 3).trainer_rank == 2);
  CHECK(make_topology(reports, 5).trainer_rank == 3);
  CHECK(make_topology(reports, 5).service_world_rank == 1);
  CHECK(make_topology(reports, 1).trainer_rank == 2);  // a service: its node's first trainer
}

TEST_CASE("nodes of different sizes") {
  const std::vector<ProcessReport> reports = {{S, 0}, {T, 0}, {S, 2}, {T, 2}, {T, 2}, {T, 2}};
  CHECK(make_topology(reports, 5).trainer_rank == 3);
  CHECK(make_topology(reports, 5).node_trainers == 3);
  CHECK(make_topology(reports, 5).trainer_world == 4);
  CHECK(make_topology(reports, 1).node_trainers == 1);
}

TEST_CASE("a launch that cannot work is refused on every rank alike, with the node and both counts") {
  CHECK(names(message_of({{T, 0}, {T, 0}}), "node 0 has 0 data services and 2 trainers"));
  CHECK(names(message_of({{S, 0}}), "node 0 has 1 data services and 0 trainers"));
  CHECK(names(message_of({{S, 0}, {S, 0}, {T, 0}}), "node 0 has 2 data services and 1 trainers"));
  // Open MPI 4.1's second app context goes to the first node only: the second node has trainers alone.
  const std::vector<ProcessReport> lopsided = {{S, 0}, {T, 0}, {T, 2}, {T, 2}};
  CHECK(names(message_of(lopsided), "node 1 has 0 data services and 2 trainers"));
  for (int rank = 0; rank < 4; ++rank) CHECK_THROWS_AS(make_topology(lopsided, rank), Error);
}
