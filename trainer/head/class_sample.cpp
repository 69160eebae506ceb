#include "trainer/head/class_sample.hpp"

#include <algorithm>
#include <numeric>

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

  std::vector<double> keys(static_cast<std::size_t>(shard.count));
  for (std::size_t i = 0; i < keys.size(); ++i)
    keys[i] = RandomStream(key.seed, Purpose::kSample, key.step, static_cast<std::uint64_t>(shard.first) + i)
                  .uniform();
  for (const std::int64_t positive : classes) keys[static_cast<std::size_t>(positive)] = kPositive;

  classes.resize(keys.size());
  std::iota(classes.begin(), classes.end(), 0);
  const auto before = [&](std::int64_t a, std::int64_t b) {
    const double x = keys[static_cast<std::size_t>(a)], y = keys[static_cast<std::size_t>(b)];
    return x != y ? x < y : a < b;
  };
  std::nth_element(classes.begin(), classes.begin() + budget, classes.end(), before);
  classes.resize(static_cast<std::size_t>(budget));
  std::sort(classes.begin(), classes.end());
  return classes;
}

}  // namespace facetrain
