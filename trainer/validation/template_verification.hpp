// 1:1 verification of templates (sets of pictures of one person), as IJB-B and IJB-C define it (Whitelam et
// al. 2017; Maze et al. 2018) and as the parent's eval_ijb.py computes it (insightface's, modes N1 D1 F1).
// Pure: embeddings and meta data in, scores and a reading of the ROC curve out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace facetrain {

// What is known of the pictures, by row of the embeddings.
struct TemplatePictures {
  std::vector<std::int64_t> templates;  // template id
  std::vector<std::int64_t> medias;     // frames of one video share a media id
  std::vector<float> detector_scores;   // the face detector's confidence
};

struct Templates {
  std::vector<std::int64_t> ids;   // ascending
  std::vector<double> embeddings;  // ids.size() x length, each of unit length (a zero sum stays zero)
  std::size_t length = 0;
};

// embeddings (n, length) float32, not normalised: their norm weighs them, and so does the detector's score. A
// media's embedding is the mean over its pictures, a template's the sum over its medias (float32, in the
// order of media ids), divided by its L2 norm in float64.
Templates aggregate_templates(std::span<const float> embeddings, std::size_t length,
                              const TemplatePictures& pictures);

struct TemplatePairs {
  std::vector<std::int64_t> first, second;  // template ids
  std::vector<std::uint8_t> same;
};

// The cosine of each pair. Throws Error(kInput) naming a pair whose template no picture has.
std::vector<double> template_scores(const Templates& templates, const TemplatePairs& pairs);

// scikit-learn's roc_curve with drop_intermediate: from (0, 0), a point per distinct score, highest first,
// without those on a straight line between their neighbours. Throws Error(kInput) without a pair of each
// kind.
struct RocCurve {
  std::vector<double> far, tar;  // false and true accept rates, ascending
};
RocCurve roc_curve(std::span<const double> scores, std::span<const std::uint8_t> same);

// The TAR at the point whose FAR is nearest to `far`; of several the one with the largest TAR, and of two
// equally near FARs the larger, as eval_ijb.py reads it.
double tar_at_far(const RocCurve& curve, double far);

// The table that eval_ijb.py prints (PrettyTable's): a row named `method` with the TARs in per cent at FAR
// 1e-06 to 0.1, two decimals; lines end with \n.
std::string tar_table(const std::string& method, const RocCurve& curve);

}  // namespace facetrain
