// Where a run starts, when not at random: weights from files (facetrain train --init-from, --init-head).
#pragma once

#include <string>

#include "trainer/backbones/backbone.hpp"
#include "trainer/head/sharded_classifier.hpp"

namespace facetrain {

// Copies the weights of `path` (a .pth, as load_into takes them: strictly) into the network. Throws
// Error(kInput).
void init_backbone(Backbone& backbone, const std::string& path);

// Copies this rank's rows of the class centres in `path` into the classifier: a .pth with one tensor,
// "weight" (classes, E), as the reference's head file of a run on one GPU. Throws Error(kInput).
void init_centres(ShardedClassifier& classifier, const std::string& path);

}  // namespace facetrain
