// From five facial points to the 112 x 112 crop that face networks are trained on: the similarity transform
// (rotation, one scale, translation) that brings them nearest to ArcFace's reference points. Pure.
#pragma once

#include <array>
#include <optional>

namespace facetrain {

struct Point {
  double x = 0;
  double y = 0;
};
using FivePoints =
    std::array<Point, 5>;  // eyes, nose, corners of the mouth, each left then right in the picture

// (x, y) -> (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]).
using AffineMatrix = std::array<double, 6>;

// ArcFace's points in a 112 x 112 picture (the parent's eval_ijb.py, from insightface).
FivePoints arcface_points();

// The least-squares similarity from `from` to `to`: Umeyama 1991 (https://doi.org/10.1109/34.88573), in
// closed form for the plane, without reflection; what skimage's SimilarityTransform.estimate gives, in
// float64. nullopt when all points of `from` are one, or a coordinate is not finite.
std::optional<AffineMatrix> similarity_transform(const FivePoints& from, const FivePoints& to);

}  // namespace facetrain
