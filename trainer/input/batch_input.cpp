#include "trainer/input/batch_input.hpp"

#include <ATen/ATen.h>

#include <chrono>
#include <optional>
#include <utility>

namespace facetrain {
namespace {

at::ScalarType scalar_type(Dtype dtype) {
  return dtype == Dtype::kF32 ? at::kFloat : dtype == Dtype::kF16 ? at::kHalf : at::kBFloat16;
}

class CpuInput : public BatchInput {
 public:
  CpuInput(RingConsumer ring, at::ScalarType type) : ring_(std::move(ring)), type_(type) {}

  InputBatch next() override {
    if (slot_) ring_.release(*slot_);  // the step that used it has ended
    const auto begin = std::chrono::steady_clock::now();
    const RingBatch filled = ring_.next();
    slot_ = filled.slot;
    InputBatch batch;
    batch.waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    batch.images = images_in_place(filled, ring_.welcome().layout);
    if (type_ == at::kDouble) batch.images = batch.images.to(at::kDouble);
    batch.labels =
        at::from_blob(filled.labels.data(), {static_cast<std::int64_t>(filled.labels.size())}, at::kLong);
    batch.ids.assign(filled.ids.begin(), filled.ids.end());
    batch.epoch = filled.epoch;
    batch.step = filled.step;
    batch.ready = filled.ready;
    batch.bad_pictures = filled.bad_pictures;
    return batch;
  }

  void finish() override { ring_.goodbye(); }

 private:
  RingConsumer ring_;
  at::ScalarType type_;
  std::optional<std::uint32_t> slot_;  // the one lent to the caller
};

}  // namespace

at::Tensor images_in_place(const RingBatch& batch, const RingLayout& layout) {
  const std::int64_t b = layout.batch, c = layout.channels, h = layout.height, w = layout.width;
  return at::from_blob(batch.images.data(), {b, c, h, w}, {h * w * c, 1, w * c, c},
                       at::TensorOptions(scalar_type(layout.dtype)));
}

std::unique_ptr<BatchInput> make_cpu_input(RingConsumer ring, at::ScalarType type) {
  return std::make_unique<CpuInput>(std::move(ring), type);
}

}  // namespace facetrain
