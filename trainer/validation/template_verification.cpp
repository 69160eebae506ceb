#include "trainer/validation/template_verification.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <tuple>

#include "common/error.hpp"
#include "trainer/validation/numpy_sum.hpp"

namespace facetrain {
namespace {

struct Rate {
  double far;
  const char* name;  // as Python prints it
};
constexpr std::array<Rate, 6> kRates{
    {{1e-6, "1e-06"}, {1e-5, "1e-05"}, {1e-4, "0.0001"}, {1e-3, "0.001"}, {1e-2, "0.01"}, {1e-1, "0.1"}}};

// Divides a row by its L2 norm; a zero row stays.
void normalise(std::span<double> row, std::span<double> scratch) {
  const double norm = row_norm<double>(row, scratch);
  if (norm == 0) return;
  for (double& value : row) value /= norm;
}

}  // namespace

Templates aggregate_templates(std::span<const float> embeddings, std::size_t length,
                              const TemplatePictures& pictures) {
  const std::size_t count = pictures.templates.size();
  std::vector<std::size_t> order(count);  // by template, then media; pictures of one media in their own order
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(pictures.templates[a], pictures.medias[a]) <
           std::tie(pictures.templates[b], pictures.medias[b]);
  });

  Templates result;
  result.length = length;
  std::vector<float> media(length), sum(length);
  std::vector<double> scratch(length);
  for (std::size_t at = 0; at < count;) {
    const std::int64_t id = pictures.templates[order[at]];
    bool first_media = true;
    while (at < count && pictures.templates[order[at]] == id) {
      const std::int64_t media_id = pictures.medias[order[at]];
      const std::size_t begin = at;
      for (; at < count && pictures.templates[order[at]] == id && pictures.medias[order[at]] == media_id;
           ++at) {
        const float score = pictures.detector_scores[order[at]];
        const float* row = embeddings.data() + order[at] * length;
        for (std::size_t i = 0; i < length; ++i) {
          const float weighted = row[i] * score;
          media[i] = at == begin ? weighted : media[i] + weighted;
        }
      }
      const auto frames = static_cast<float>(at - begin);
      for (std::size_t i = 0; i < length; ++i) {
        const float mean = media[i] / frames;
        sum[i] = first_media ? mean : sum[i] + mean;
      }
      first_media = false;
    }
    result.ids.push_back(id);
    result.embeddings.insert(result.embeddings.end(), sum.begin(), sum.end());
    normalise(std::span(result.embeddings).last(length), scratch);
  }
  return result;
}

std::vector<double> template_scores(const Templates& templates, const TemplatePairs& pairs) {
  const auto row_of = [&](std::int64_t id, std::size_t pair) {
    const auto found = std::lower_bound(templates.ids.begin(), templates.ids.end(), id);
    if (found == templates.ids.end() || *found != id)
      throw Error(ErrorKind::kInput, "pair " + std::to_string(pair + 1) + " names template " +
                                         std::to_string(id) + ", which no picture belongs to");
    return templates.embeddings.data() +
           static_cast<std::size_t>(found - templates.ids.begin()) * templates.length;
  };
  std::vector<double> scores(pairs.first.size()), products(templates.length);
  for (std::size_t pair = 0; pair < scores.size(); ++pair) {
    const double *a = row_of(pairs.first[pair], pair), *b = row_of(pairs.second[pair], pair);
    for (std::size_t i = 0; i < products.size(); ++i) products[i] = a[i] * b[i];
    scores[pair] = pairwise_sum<double>(std::span<const double>(products));
  }
  return scores;
}

RocCurve roc_curve(std::span<const double> scores, std::span<const std::uint8_t> same) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });

  std::vector<std::int64_t> accepted_false, accepted_true;  // by distinct score
  std::int64_t negatives = 0, positives = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    (same[order[i]] != 0 ? positives : negatives) += 1;
    if (i + 1 < order.size() && scores[order[i + 1]] == scores[order[i]]) continue;
    accepted_false.push_back(negatives);
    accepted_true.push_back(positives);
  }
  if (negatives == 0 || positives == 0)
    throw Error(ErrorKind::kInput,
                "the pairs are all of one kind: a ROC curve needs same and different ones");

  RocCurve curve{{0.0}, {0.0}};
  const std::size_t points = accepted_false.size();
  const auto turns = [](const std::vector<std::int64_t>& n, std::size_t i) {
    return n[i + 1] - n[i] != n[i] - n[i - 1];
  };
  for (std::size_t i = 0; i < points; ++i) {
    const bool inside = i > 0 && i + 1 < points;
    if (inside && !turns(accepted_false, i) && !turns(accepted_true, i)) continue;
    curve.far.push_back(static_cast<double>(accepted_false[i]) / static_cast<double>(negatives));
    curve.tar.push_back(static_cast<double>(accepted_true[i]) / static_cast<double>(positives));
  }
  return curve;
}

double tar_at_far(const RocCurve& curve, double far) {
  double nearest = std::numeric_limits<double>::infinity(), tar = 0;
  for (std::size_t i = curve.far.size(); i-- > 0;) {  // from the end: the first of equals has the largest TAR
    const double distance = std::abs(curve.far[i] - far);
    if (distance < nearest) {
      nearest = distance;
      tar = curve.tar[i];
    }
  }
  return tar;
}

std::string tar_table(const std::string& method, const RocCurve& curve) {
  std::vector<std::pair<std::string, std::string>> columns{{"Methods", method}};
  for (const Rate& rate : kRates) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", tar_at_far(curve, rate.far) * 100);
    columns.emplace_back(rate.name, text);
  }
  // PrettyTable centres; an odd space is put right of a text of odd length, left of one of even length.
  const auto centred = [](const std::string& text, std::size_t width) {
    const std::size_t space = width - text.size(), half = space / 2;
    const std::size_t left = half + (space % 2 == 1 && text.size() % 2 == 0 ? 1 : 0);
    return std::string(left, ' ') + text + std::string(space - left, ' ');
  };
  std::string rule = "+", names = "|", values = "|";
  for (const auto& [name, value] : columns) {
    const std::size_t width = std::max(name.size(), value.size());
    rule += std::string(width + 2, '-') + "+";
    names += " " + centred(name, width) + " |";
    values += " " + centred(value, width) + " |";
  }
  return rule + "\n" + names + "\n" + rule + "\n" + values + "\n" + rule + "\n";
}

}  // namespace facetrain
