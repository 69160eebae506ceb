// The seam of one random change to an 8-bit picture, and the table of those that data.augment switches on. A
// new one is a new file with a class like the ones here, a line in augmentation_table.cpp, and a test.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "common/plan/philox.hpp"
#include "dataservice/image.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

class Augmentation {
 public:
  virtual ~Augmentation() = default;

  // Draws its parameters from `rng`, in an order that its header fixes, and changes `image`; its size stays.
  virtual void apply(Image& image, RandomStream& rng) = 0;
};

struct AugmentationEntry {
  std::string_view name;
  double probability;  // that it is applied to a picture; decided by one uniform draw before its own
  std::unique_ptr<Augmentation> (*make)(Instructions instructions);
};

// In the order of application.
std::span<const AugmentationEntry> augmentation_table();

}  // namespace facetrain
