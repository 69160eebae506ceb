#include "trainer/log/node_waits.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdio>

namespace facetrain {
namespace {

constexpr double kNoticeable = 0.05;
constexpr double kFactor = 2;
constexpr std::int64_t kNameLength = 64;  // bytes of a host's name that are shown

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Every rank's (n) numbers on the CPU, (ranks * n). Collective.
at::Tensor gathered(Communicator& trainers, c10::Device device, const at::Tensor& mine) {
  const at::Tensor all = at::empty({trainers.size() * mine.size(0)}, mine.options().device(device));
  trainers.all_gather(all, mine.to(device));
  return all.cpu();
}

}  // namespace

std::vector<std::string> slow_node_lines(std::span<const NodeWait> nodes, std::int64_t slots) {
  std::vector<std::string> lines;
  for (std::size_t node = 0; node < nodes.size() && nodes.size() > 1; ++node) {
    std::vector<double> others;
    for (std::size_t other = 0; other < nodes.size(); ++other)
      if (other != node) others.push_back(nodes[other].waited);
    const double usual = median(std::move(others));
    if (nodes[node].waited <= kNoticeable || nodes[node].waited <= kFactor * usual) continue;
    char numbers[160];
    std::snprintf(
        numbers, sizeof numbers,
        ") is slow: its trainers waited %.1f %% of the time for data, those of other nodes %.1f %%; its "
        "data service had %.1f of %lld batches ready",
        100 * nodes[node].waited, 100 * usual, nodes[node].ready, static_cast<long long>(slots));
    lines.push_back("Node " + std::to_string(node) + " (" + nodes[node].host + numbers);
  }
  return lines;
}

NodeWaits::NodeWaits(const Topology& topology, const std::string& host, Communicator& trainers,
                     c10::Device device, const Clock& clock)
    : trainers_(trainers), device_(device), clock_(clock), hosts_(static_cast<std::size_t>(topology.nodes)) {
  const at::Tensor mine = at::zeros({1 + kNameLength}, at::kLong);
  auto* words = mine.data_ptr<std::int64_t>();
  words[0] = topology.node;
  std::copy_n(host.begin(), std::min<std::size_t>(host.size(), kNameLength), words + 1);
  const at::Tensor all = gathered(trainers, device, mine);
  for (std::int64_t rank = 0; rank < trainers.size(); ++rank) {
    const auto* row = all.data_ptr<std::int64_t>() + rank * mine.size(0);
    node_.push_back(row[0]);
    std::string& name = hosts_[static_cast<std::size_t>(row[0])];
    name.clear();
    for (const std::int64_t* letter = row + 1; letter <= row + kNameLength && *letter != 0; ++letter)
      name += static_cast<char>(*letter);
  }
  since_ = clock.seconds();
}

void NodeWaits::add(double waited, std::uint32_t ready) {
  waited_ += waited;
  ready_ += ready;
  ++batches_;
}

std::vector<NodeWait> NodeWaits::gather() {
  const double seconds = clock_.seconds() - since_;
  const at::Tensor mine = at::empty({2}, at::kDouble);
  auto* numbers = mine.data_ptr<double>();
  numbers[0] = seconds > 0 ? waited_ / seconds : 0;
  numbers[1] = batches_ > 0 ? ready_ / static_cast<double>(batches_) : 0;
  waited_ = ready_ = 0;
  batches_ = 0;
  since_ += seconds;
  const at::Tensor all = gathered(trainers_, device_, mine);
  std::vector<NodeWait> nodes(hosts_.size());
  std::vector<double> ranks(hosts_.size());
  for (std::size_t rank = 0; rank < node_.size(); ++rank) {
    const auto node = static_cast<std::size_t>(node_[rank]);
    const auto* row = all.data_ptr<double>() + rank * 2;
    nodes[node].waited += row[0];
    nodes[node].ready += row[1];
    ++ranks[node];
  }
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    nodes[node].host = hosts_[node];
    nodes[node].waited /= std::max(1.0, ranks[node]);
    nodes[node].ready /= std::max(1.0, ranks[node]);
  }
  return nodes;
}

}  // namespace facetrain
