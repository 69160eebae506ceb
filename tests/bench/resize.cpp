// What the resamplers cost, without the rest of the chain: the low-resolution step (112 x 112 down to each
// side and up again) by kind and over all draws, portable, with AVX2, and through OpenCV where its library is
// there, whose pixels are compared with ours first; then Pillow's resize to 112 x 112. Prints lines that
// start with INFO; row 4 is the whole chain's.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataservice/augment/low_resolution.hpp"
#include "dataservice/augment/pillow_resize.hpp"
#include "dataservice/synth/face.hpp"
#include "tests/bench/interleave.hpp"

#ifdef FACETRAIN_WITH_OPENCV
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#endif

using namespace facetrain;

namespace {

constexpr int kSide = 112, kRounds = 15;
constexpr std::size_t kFaces =
    8;  // few: the step meets a picture that was just decoded, in the nearest cache

std::vector<Image> draw_faces() {
  std::vector<Image> faces(kFaces);
  for (std::uint64_t i = 0; i < kFaces; ++i) draw_face(draw_identity(1, i), draw_shot(1, i, 0), faces[i]);
  return faces;
}

void copy(const Image& from, Image& to) {
  to.resize(from.width, from.height);
  std::memcpy(to.row(0), from.row(0),
              static_cast<std::size_t>(from.width) * static_cast<std::size_t>(from.height) * 3);
}

std::vector<LowResolution> all_sides(Interpolation interpolation) {
  std::vector<LowResolution> steps;
  for (int i = 0; i < 90; ++i) steps.push_back({22 + i * 37 % 90, interpolation, interpolation});
  return steps;
}

std::vector<LowResolution> drawn() {
  std::vector<LowResolution> steps;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    RandomStream rng(1, Purpose::kAugment, 0, i);
    steps.push_back(draw_low_resolution(rng, kSide));
  }
  return steps;
}

// One way of doing the step: every one of `steps` on a copy of a face, in turn.
using Step = std::function<void(Image&, const LowResolution&)>;
std::function<bench::Cost()> on_faces(const std::vector<Image>& faces,
                                      const std::vector<LowResolution>& steps, const Step& step) {
  return [&, step, image = Image{}]() mutable {
    return bench::measure(bench::Clock::kThread, [&] {
      for (std::size_t i = 0; i < steps.size(); ++i) {
        copy(faces[i % kFaces], image);
        step(image, steps[i]);
      }
    });
  };
}

Step ours(Instructions instructions) {
  return [resizer = std::make_shared<OpenCvResize>(instructions), small = std::make_shared<Image>()](
             Image& image, const LowResolution& how) { lower_resolution(image, how, *resizer, *small); };
}

#ifdef FACETRAIN_WITH_OPENCV
void with_opencv(Image& image, const LowResolution& how) {
  thread_local cv::Mat small;
  cv::Mat whole(image.height, image.width, CV_8UC3, image.row(0));
  cv::resize(whole, small, cv::Size(how.side, how.side), 0, 0, static_cast<int>(how.down));
  cv::resize(small, whole, cv::Size(image.width, image.height), 0, 0, static_cast<int>(how.up));
}

void compare(const std::vector<Image>& faces, const std::vector<LowResolution>& steps) {
  const Step step = ours(best_instructions());
  Image a, b;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    copy(faces[i % kFaces], a);
    copy(faces[i % kFaces], b);
    step(a, steps[i]);
    with_opencv(b, steps[i]);
    if (std::memcmp(a.row(0), b.row(0), std::size_t{3} * kSide * kSide) == 0) continue;
    std::fprintf(stderr, "bench_resize: OpenCV's pixels are not ours: side %d, down %d, up %d\n",
                 steps[i].side, static_cast<int>(steps[i].down), static_cast<int>(steps[i].up));
    std::exit(1);
  }
}
#endif

void low_resolution(const std::vector<Image>& faces, const char* name,
                    const std::vector<LowResolution>& steps) {
  std::vector<std::function<bench::Cost()>> ways{on_faces(faces, steps, ours(Instructions::kPortable)),
                                                 on_faces(faces, steps, ours(best_instructions()))};
#ifdef FACETRAIN_WITH_OPENCV
  compare(faces, steps);
  ways.push_back(on_faces(faces, steps, with_opencv));
#endif
  const auto t = bench::interleave(kRounds, steps.size(), ways);
  std::printf(
      "INFO low resolution %-8s us a picture, best (median): portable %.1f (%.1f), best instructions %.1f "
      "(%.1f)",
      name, t[0].best.cpu_us, t[0].median.cpu_us, t[1].best.cpu_us, t[1].median.cpu_us);
  if (t.size() > 2) {
    const bench::Ratio ratio = bench::cpu_ratio(t[1], t[2]);
    std::printf(", OpenCV %.1f (%.1f), ratio %.1f (%.1f)", t[2].best.cpu_us, t[2].median.cpu_us, ratio.best,
                ratio.median);
  }
  std::printf("\n");
}

void pillow(const std::vector<Image>& faces, int side) {
  OpenCvResize enlarge;
  Image source;
  enlarge.resize(faces[0], side, side, Interpolation::kCubic, source);
  constexpr std::size_t items = 50;
  const auto way = [&](Instructions instructions) {
    return [&, resizer = PillowResize(instructions), image = Image{}]() mutable {
      return bench::measure(bench::Clock::kThread, [&] {
        for (std::size_t i = 0; i < items; ++i) {
          copy(source, image);
          resizer.resize(image, kSide, kSide);
        }
      });
    };
  };
  const auto t = bench::interleave(kRounds, items, {way(Instructions::kPortable), way(best_instructions())});
  std::printf(
      "INFO Pillow's resize %d -> %d us a picture, best (median): portable %.1f (%.1f), best instructions "
      "%.1f (%.1f)\n",
      side, kSide, t[0].best.cpu_us, t[0].median.cpu_us, t[1].best.cpu_us, t[1].median.cpu_us);
}

}  // namespace

int main() {
  const std::vector<Image> faces = draw_faces();
#ifdef FACETRAIN_WITH_OPENCV
  cv::setNumThreads(1);
  cv::ipp::setUseIPP(false);
  std::printf("INFO peer: OpenCV %s\n", cv::getVersionString().c_str());
#else
  std::printf("INFO peer: none (no OpenCV library when this was built)\n");
#endif
  low_resolution(faces, "nearest", all_sides(Interpolation::kNearest));
  low_resolution(faces, "linear", all_sides(Interpolation::kLinear));
  low_resolution(faces, "area", all_sides(Interpolation::kArea));
  low_resolution(faces, "cubic", all_sides(Interpolation::kCubic));
  low_resolution(faces, "lanczos4", all_sides(Interpolation::kLanczos4));
  low_resolution(faces, "as drawn", drawn());
  for (const int side : {96, 160, 224}) pillow(faces, side);
}
