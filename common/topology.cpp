#include "common/topology.hpp"

#include <algorithm>
#include <map>

#include "common/error.hpp"

namespace facetrain {
namespace {

struct Node {
  std::vector<int> services, trainers;  // world ranks
};

// Nodes in the order of their lowest world rank.
std::vector<std::pair<int, Node>> group_by_node(std::span<const ProcessReport> reports) {
  std::vector<std::pair<int, Node>> nodes;
  std::map<int, std::size_t> place;
  for (std::size_t rank = 0; rank < reports.size(); ++rank) {
    const auto [it, is_new] = place.try_emplace(reports[rank].node, nodes.size());
    if (is_new) nodes.emplace_back(reports[rank].node, Node{});
    Node& node = nodes[it->second].second;
    (reports[rank].role == Role::kService ? node.services : node.trainers).push_back(static_cast<int>(rank));
  }
  return nodes;
}

}  // namespace

Topology make_topology(std::span<const ProcessReport> reports, int world_rank) {
  const auto nodes = group_by_node(reports);
  Topology topology;
  topology.role = reports[static_cast<std::size_t>(world_rank)].role;
  topology.world_rank = world_rank;
  topology.world_size = static_cast<int>(reports.size());
  topology.nodes = static_cast<int>(nodes.size());
  topology.trainer_world = 0;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const Node& node = nodes[n].second;
    if (node.services.size() != 1 || node.trainers.empty()) {
      throw Error(
          ErrorKind::kConfig,
          "node " + std::to_string(n) + " has " + std::to_string(node.services.size()) +
              " data services and " + std::to_string(node.trainers.size()) +
              " trainers; each node needs exactly one dataservice and at least one trainer: start the job "
              "with `facetrain train` (one node), `mpirun --map-by ppr:<1 + trainers>:node facetrain rank "
              "...` "
              "or `srun --ntasks-per-node=<1 + trainers> --mpi=pmix facetrain rank ...`");
    }
    if (reports[static_cast<std::size_t>(world_rank)].node == nodes[n].first) {
      topology.node = static_cast<int>(n);
      topology.node_trainers = static_cast<int>(node.trainers.size());
      topology.service_world_rank = node.services.front();
      const auto me = std::find(node.trainers.begin(), node.trainers.end(), world_rank);
      topology.local_trainer = me == node.trainers.end() ? 0 : static_cast<int>(me - node.trainers.begin());
      topology.trainer_rank = topology.trainer_world + topology.local_trainer;
    }
    topology.trainer_world += static_cast<int>(node.trainers.size());
  }
  return topology;
}

}  // namespace facetrain
