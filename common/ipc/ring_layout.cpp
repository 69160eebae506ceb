#include "common/ipc/ring_layout.hpp"

namespace facetrain {

std::string RingLayout::text() const {
  const auto by = [](std::uint32_t number) { return std::to_string(number) + " x "; };
  return std::to_string(slots) + " slots of " + by(batch) + by(height) + by(width) +
         std::to_string(channels) + " " + std::string(name_of(dtype));
}

RingLayout ring_layout(const Config& config, Dtype dtype) {
  RingLayout layout;
  layout.slots = static_cast<std::uint32_t>(config.data.slots);
  layout.batch = static_cast<std::uint32_t>(config.train.batch_size);
  layout.height = static_cast<std::uint32_t>(config.model.input_size[0]);
  layout.width = static_cast<std::uint32_t>(config.model.input_size[1]);
  layout.dtype = dtype;
  return layout;
}

}  // namespace facetrain
