// The 10-fold accuracies of tests/golden/data/verification.txt, recorded from the reference, equal in every
// digit.
#include "trainer/validation/verification.hpp"

#include <fstream>
#include <sstream>
#include <string>

#include "embedding_formula.hpp"
#include "trainer/validation/numpy_sum.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

// Original and flipped embeddings joined as the reference's test.py joins them.
std::vector<float> joined(const golden::Pairs& pairs, const std::string& fusion) {
  std::vector<float> rows = pairs.original;
  if (fusion == "none") return rows;
  std::vector<float> scratch(golden::kLength);
  for (std::size_t start = 0; start < rows.size(); start += golden::kLength) {
    const std::span<const float> original(&pairs.original[start], golden::kLength),
        flip(&pairs.flip[start], golden::kLength);
    const float original_norm = row_norm<float>(original, scratch),
                flip_norm = row_norm<float>(flip, scratch);
    for (std::size_t i = 0; i < golden::kLength; ++i)
      rows[start + i] = fusion == "flip"
                            ? original[i] + flip[i]
                            : flip[i] / flip_norm * flip_norm + original[i] / original_norm * original_norm;
  }
  return rows;
}

}  // namespace

TEST_CASE("accuracies equal the reference's") {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/verification.txt");
  std::string line;
  int cases = 0;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) continue;
    CAPTURE(line);
    std::istringstream fields(line);
    std::size_t pairs = 0;
    std::uint64_t seed = 0;
    std::string fusion, metric_name;
    double mean = 0, deviation = 0;
    fields >> pairs >> seed >> fusion >> metric_name >> mean >> deviation;
    const Metric metric = metric_name == "cosine" ? Metric::kCosine : Metric::kSquaredL2;
    const auto made = golden::pairs_of(seed, pairs);
    const auto rows = joined(made, fusion);

    const Accuracy accuracy = verification_accuracy(rows, golden::kLength, made.same, metric);
    CHECK(accuracy.mean == mean);
    CHECK(accuracy.deviation == deviation);

    std::vector<double> normalised(rows.begin(), rows.end());
    normalise_rows(normalised, golden::kLength);
    for (const double got : fold_accuracies(PairEmbeddings{normalised, golden::kLength}, made.same, metric)) {
      double expected = -1;
      REQUIRE(static_cast<bool>(fields >> expected));
      CHECK(got == expected);
    }
    ++cases;
  }
  CHECK(cases == 18);
}
