// Which node of a job holds the others up with its data: how long each node's trainers waited for their data
// service, and how many batches that had ready. A step ends when the slowest rank has its batch, so that one
// slow disk or one full processor slows every node down, and only its own ranks know.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/topology.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/log/clock.hpp"

namespace facetrain {

// One node over an interval of training.
struct NodeWait {
  std::string host;
  double waited = 0;  // share of the interval that its trainers waited for a batch, their mean, 0 .. 1
  double ready = 0;   // batches that stood ready for a trainer when it took one, the mean
};

// A line for each node whose trainers wait for more than a twentieth of the time, and more than twice as long
// as the median of the other nodes'. None when all wait alike: the log's "Data wait" tells that.
std::vector<std::string> slow_node_lines(std::span<const NodeWait> nodes, std::int64_t slots);

// Adds up one trainer's waiting, and gathers everybody's.
class NodeWaits {
 public:
  // device: where the communicator's tensors live. `clock` outlives this. Collective.
  NodeWaits(const Topology& topology, const std::string& host, Communicator& trainers, c10::Device device,
            const Clock& clock);

  void add(double waited, std::uint32_t ready);
  // Collective: every node's mean since the last call, by node. The same on all ranks.
  std::vector<NodeWait> gather();

 private:
  Communicator& trainers_;
  c10::Device device_;
  const Clock& clock_;
  std::vector<std::string> hosts_;  // by node
  std::vector<std::int64_t> node_;  // by trainer rank
  double waited_ = 0, ready_ = 0;
  std::int64_t batches_ = 0;
  double since_ = 0;  // seconds
};

}  // namespace facetrain
