// 1:1 verification accuracy by 10-fold cross-validation, as LFW defines it (Huang et al. 2007, "unrestricted"
// protocol) and as the reference's verification.py computes it (facenet, D. Sandberg): for each fold the
// threshold that is best on the other nine, applied to the fold. Pure: embeddings in, two numbers out; equal
// to the reference in every digit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace facetrain {

inline constexpr int kFolds = 10;
inline constexpr int kThresholds = 400;  // 0, 0.01 .. 3.99: np.arange(0, 4, 0.01)

enum class Metric {
  kSquaredL2,  // of the two embeddings
  kCosine,  // arccos of their cosine / pi, after the training folds' mean embedding is subtracted from both
};

// Rows 2i and 2i + 1 of `embeddings` (2 P x length, row-major) are pair i.
struct PairEmbeddings {
  std::span<const double> values;
  std::size_t length = 0;  // of an embedding

  std::size_t rows() const { return values.size() / length; }
  std::size_t pairs() const { return rows() / 2; }
  std::span<const double> row(std::size_t i) const { return values.subspan(i * length, length); }
};

// Mean and population standard deviation of the folds' accuracies, in [0, 1], both rounded to 5 digits
// (numpy's round).
struct Accuracy {
  double mean = 0;
  double deviation = 0;
};

// Divides each row of `values` (rows x length) by its L2 norm, in place.
void normalise_rows(std::span<double> values, std::size_t length);

// The accuracy of each of the 10 folds; `same[i]` tells whether pair i shows one identity. Folds are
// contiguous, the first pairs % 10 of them one pair longer (scikit-learn's KFold without shuffling). A pair
// counts as "same" if its distance is strictly below the threshold; among equally good thresholds the
// smallest is taken. `embeddings` are normalised already. Throws Error(kInput) for fewer than 10 pairs, or if
// `same` has another length.
std::vector<double> fold_accuracies(const PairEmbeddings& embeddings, std::span<const std::uint8_t> same,
                                    Metric metric);

// The same from given distances of the pairs (the part that depends on neither network nor metric).
std::vector<double> fold_accuracies(std::span<const double> distances, std::span<const std::uint8_t> same);

Accuracy summarise(std::span<const double> fold_accuracies);

// np.round(value, 5): the product with 1e5 to the nearest integer, halves to even.
double round_to_5_digits(double value);

// Normalises a copy of the float32 rows (2 P x length) in float64 and measures: what a validation set's
// accuracy is.
Accuracy verification_accuracy(std::span<const float> embeddings, std::size_t length,
                               std::span<const std::uint8_t> same, Metric metric = Metric::kSquaredL2);

}  // namespace facetrain
