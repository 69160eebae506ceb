// The reference's chain. Order of the draws, all from the sample's own stream: for each augmentation of the
// table, whether (one uniform) and then its own; whether to flip (one uniform); random erasing's. What is
// switched off draws nothing.
#include <string>
#include <vector>

#include "common/error.hpp"
#include "dataservice/augment/augmentation.hpp"
#include "dataservice/augment/augmenter.hpp"
#include "dataservice/augment/erase.hpp"
#include "dataservice/augment/pillow_resize.hpp"
#include "dataservice/augment/row_writer.hpp"

namespace facetrain {
namespace {

constexpr double kFlipProbability = 0.5;

class Chain final : public Augmenter {
 public:
  Chain(const Config& config, Dtype dtype, Instructions instructions)
      : height_(static_cast<int>(config.model.input_size.at(0))),
        width_(static_cast<int>(config.model.input_size.at(1))),
        flip_(config.data.flip),
        erase_(config.data.rand_erase),
        resizer_(instructions),
        writer_(dtype, {config.data.pixel_mean, config.data.pixel_std, config.data.bgr}, instructions) {
    if (!config.data.augment) return;
    for (const AugmentationEntry& entry : augmentation_table())
      steps_.push_back({entry.probability, entry.make(instructions)});
  }

  void apply(Image& image, RandomStream rng, std::span<std::byte> row) override {
    for (const Step& step : steps_) {
      if (rng.uniform() < step.probability) step.augmentation->apply(image, rng);
    }
    resizer_.resize(image, width_, height_);
    const bool flip = flip_ && rng.uniform() < kFlipProbability;
    const std::optional<Rectangle> erased = erase_ ? draw_erasing(rng, width_, height_) : std::nullopt;
    writer_.write(image, flip, erased, row);
  }

 private:
  struct Step {
    double probability;
    std::unique_ptr<Augmentation> augmentation;
  };

  int height_;
  int width_;
  bool flip_;
  bool erase_;
  std::vector<Step> steps_;
  PillowResize resizer_;
  RowWriter writer_;
};

}  // namespace

std::unique_ptr<Augmenter> make_augmenter(const Config& config, Dtype dtype, Instructions instructions) {
  const auto& size = config.model.input_size;
  if (size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > 4096 || size[1] > 4096) {
    throw Error(ErrorKind::kConfig, "model.input_size must be two numbers from 1 to 4096: height, width");
  }
  return std::make_unique<Chain>(config, dtype, instructions);
}

}  // namespace facetrain
