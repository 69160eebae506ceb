// The layers of each IResNet: what the trainer builds and what an estimate before a run counts.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace facetrain {

struct IResNetDepth {
  std::string_view name;               // model.depth
  std::array<std::int64_t, 4> blocks;  // of each stage
};

// The reference's "200" has 100's blocks by mistake (model/iresnet.py:179); ours is the published one.
inline constexpr std::array<IResNetDepth, 6> kIResNetDepths = {{{"18", {2, 2, 2, 2}},
                                                                {"34", {3, 4, 6, 3}},
                                                                {"50", {3, 4, 14, 3}},
                                                                {"100", {3, 13, 30, 3}},
                                                                {"152", {3, 8, 36, 3}},
                                                                {"200", {6, 26, 60, 6}}}};

// Of the outputs of each stage. The first stage's input has 64 too.
inline constexpr std::array<std::int64_t, 4> kIResNetChannels = {64, 128, 256, 512};

}  // namespace facetrain
