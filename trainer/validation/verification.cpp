#include "trainer/validation/verification.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "common/error.hpp"
#include "trainer/validation/numpy_sum.hpp"

namespace facetrain {
namespace {

// histogram[b][s]: pairs of kind s (1: same identity) whose distance lies below threshold b and not below b -
// 1; the last bin holds those that no threshold accepts (NaN too: the comparison is false, as numpy's).
using Histogram = std::array<std::array<std::int64_t, 2>, kThresholds + 1>;

struct Fold {
  std::size_t begin = 0, end = 0;
};

Fold fold(std::size_t pairs, std::size_t index) {
  const std::size_t each = pairs / kFolds, rest = pairs % kFolds;
  const std::size_t begin = index * each + std::min(index, rest);
  return {begin, begin + each + (index < rest ? 1 : 0)};
}

std::array<double, kThresholds> thresholds() {
  std::array<double, kThresholds> values;
  for (int i = 0; i < kThresholds; ++i)
    values[static_cast<std::size_t>(i)] = i * 0.01;  // as np.arange makes them
  return values;
}

void count(Histogram& histogram, std::span<const double> distances, std::span<const std::uint8_t> same,
           Fold range, const std::array<double, kThresholds>& grid) {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const auto bin = std::upper_bound(grid.begin(), grid.end(), distances[i]) - grid.begin();
    ++histogram[static_cast<std::size_t>(bin)][same[i] ? 1 : 0];
  }
}

// Correctly decided pairs per threshold: accepted "same" and rejected "different" ones.
std::array<std::int64_t, kThresholds> correct(const Histogram& histogram) {
  std::array<std::int64_t, kThresholds> right{};
  std::int64_t accepted_same = 0, rejected_different = 0;
  for (const auto& bin : histogram) rejected_different += bin[0];
  for (std::size_t t = 0; t < right.size(); ++t) {
    accepted_same += histogram[t][1];
    rejected_different -= histogram[t][0];
    right[t] = accepted_same + rejected_different;
  }
  return right;
}

void check(std::size_t pairs, std::size_t flags) {
  if (flags != pairs)
    throw Error(ErrorKind::kInput, "verification: " + std::to_string(pairs) + " pairs of embeddings but " +
                                       std::to_string(flags) + " issame flags");
  if (pairs < kFolds)
    throw Error(ErrorKind::kInput,
                "verification: " + std::to_string(pairs) +
                    " pairs cannot be divided into 10 folds; a validation set needs at least 10 pairs");
}

// The accuracy on `test` of the threshold that is best on all other pairs.
double test_accuracy(const Histogram& train, const Histogram& test, Fold range) {
  const auto train_correct = correct(train);
  const auto best = std::max_element(train_correct.begin(), train_correct.end()) - train_correct.begin();
  const auto right = correct(test)[static_cast<std::size_t>(best)];
  return static_cast<double>(right) / static_cast<double>(range.end - range.begin);
}

// The mean of all rows outside the test fold's pairs: first rows of the pairs, then second ones, added in
// that order.
std::vector<double> train_mean(const PairEmbeddings& embeddings, Fold test) {
  std::vector<double> mean(embeddings.length, 0.0);
  for (std::size_t member = 0; member < 2; ++member)
    for (std::size_t pair = 0; pair < embeddings.pairs(); ++pair) {
      if (pair >= test.begin && pair < test.end) continue;
      const auto row = embeddings.row(2 * pair + member);
      for (std::size_t i = 0; i < row.size(); ++i) mean[i] += row[i];
    }
  const auto rows = static_cast<double>(2 * (embeddings.pairs() - (test.end - test.begin)));
  for (double& value : mean) value /= rows;
  return mean;
}

std::vector<double> cosine_distances(const PairEmbeddings& embeddings, std::span<const double> mean) {
  const std::size_t length = embeddings.length;
  std::vector<double> distances(embeddings.pairs()), a(length), b(length), scratch(length);
  for (std::size_t pair = 0; pair < distances.size(); ++pair) {
    const auto first = embeddings.row(2 * pair), second = embeddings.row(2 * pair + 1);
    for (std::size_t i = 0; i < length; ++i) {
      a[i] = first[i] - mean[i];
      b[i] = second[i] - mean[i];
      scratch[i] = a[i] * b[i];
    }
    const double dot = pairwise_sum<double>(scratch);
    const double norm = row_norm<double>(a, scratch) * row_norm<double>(b, scratch);
    const double cosine = std::clamp(dot / norm, -1.0, 1.0);
    distances[pair] = std::acos(cosine) / std::numbers::pi;
  }
  return distances;
}

std::vector<double> squared_distances(const PairEmbeddings& embeddings) {
  std::vector<double> distances(embeddings.pairs()), scratch(embeddings.length);
  for (std::size_t pair = 0; pair < distances.size(); ++pair)
    distances[pair] =
        squared_distance<double>(embeddings.row(2 * pair), embeddings.row(2 * pair + 1), scratch);
  return distances;
}

}  // namespace

void normalise_rows(std::span<double> values, std::size_t length) {
  std::vector<double> scratch(length);
  for (std::size_t start = 0; start + length <= values.size(); start += length) {
    const auto row = values.subspan(start, length);
    const double norm = row_norm<double>(row, scratch);
    for (double& value : row) value /= norm;
  }
}

std::vector<double> fold_accuracies(std::span<const double> distances, std::span<const std::uint8_t> same) {
  check(distances.size(), same.size());
  const auto grid = thresholds();
  std::array<Histogram, kFolds> folds{};
  Histogram all{};
  for (std::size_t f = 0; f < kFolds; ++f) {
    count(folds[f], distances, same, fold(distances.size(), f), grid);
    for (std::size_t bin = 0; bin < all.size(); ++bin)
      for (std::size_t kind = 0; kind < 2; ++kind) all[bin][kind] += folds[f][bin][kind];
  }
  std::vector<double> accuracies;
  for (std::size_t f = 0; f < kFolds; ++f) {
    Histogram train = all;
    for (std::size_t bin = 0; bin < all.size(); ++bin)
      for (std::size_t kind = 0; kind < 2; ++kind) train[bin][kind] -= folds[f][bin][kind];
    accuracies.push_back(test_accuracy(train, folds[f], fold(distances.size(), f)));
  }
  return accuracies;
}

std::vector<double> fold_accuracies(const PairEmbeddings& embeddings, std::span<const std::uint8_t> same,
                                    Metric metric) {
  check(embeddings.pairs(), same.size());
  if (metric == Metric::kSquaredL2) return fold_accuracies(squared_distances(embeddings), same);
  const auto grid = thresholds();
  std::vector<double> accuracies;
  for (std::size_t f = 0; f < kFolds; ++f) {
    // The mean, and with it every distance, depends on the fold.
    const Fold range = fold(embeddings.pairs(), f);
    const auto distances = cosine_distances(embeddings, train_mean(embeddings, range));
    Histogram train{}, test{};
    count(test, distances, same, range, grid);
    count(train, distances, same, {0, range.begin}, grid);
    count(train, distances, same, {range.end, distances.size()}, grid);
    accuracies.push_back(test_accuracy(train, test, range));
  }
  return accuracies;
}

double round_to_5_digits(double value) {
  return std::nearbyint(value * 1e5) / 1e5;
}

Accuracy summarise(std::span<const double> accuracies) {
  const auto n = static_cast<double>(accuracies.size());
  const double mean = pairwise_sum<double>(accuracies) / n;
  std::vector<double> squares;
  for (const double accuracy : accuracies) squares.push_back((accuracy - mean) * (accuracy - mean));
  return {round_to_5_digits(mean),
          round_to_5_digits(std::sqrt(pairwise_sum<double>(std::span<const double>(squares)) / n))};
}

Accuracy verification_accuracy(std::span<const float> embeddings, std::size_t length,
                               std::span<const std::uint8_t> same, Metric metric) {
  std::vector<double> rows(embeddings.begin(), embeddings.end());
  normalise_rows(rows, length);
  return summarise(fold_accuracies(PairEmbeddings{rows, length}, same, metric));
}

}  // namespace facetrain
