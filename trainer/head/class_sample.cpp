#include "trainer/head/class_sample.hpp"

#include <algorithm>
#include <utility>

#include "common/plan/philox.hpp"

namespace facetrain {
namespace {

constexpr double kPositive = -1.0;  // before every drawn key, which lies in [0, 1)

}  // namespace

std::vector<std::int64_t> sample_classes(std::span<const std::int64_t> labels, const ClassShard& shard,
                                         double sample_rate, const SampleKey& key) {
  std::vector<std::int64_t> classes;
  for (const std::int64_t label : labels)
    if (shard.owns(label)) classes.push_back(label - shard.first);
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  const auto budget = static_cast<std::int64_t>(sample_rate * static_cast<double>(shard.count));
  if (static_cast<std::int64_t>(classes.size()) >= budget) return classes;

  std::vector<std::pair<double, std::int64_t>> order;  // key, index
  order.reserve(static_cast<std::size_t>(shard.count));
  for (std::int64_t i = 0; i < shard.count; ++i) {
    const auto id = static_cast<std::uint64_t>(shard.first + i);
    order.emplace_back(RandomStream(key.seed, Purpose::kSample, key.step, id).uniform(), i);
  }
  for (const std::int64_t positive : classes) order[static_cast<std::size_t>(positive)].first = kPositive;

  std::nth_element(order.begin(), order.begin() + budget, order.end());
  classes.clear();
  for (std::int64_t i = 0; i < budget; ++i) classes.push_back(order[static_cast<std::size_t>(i)].second);
  std::sort(classes.begin(), classes.end());
  return classes;
}

}  // namespace facetrain
