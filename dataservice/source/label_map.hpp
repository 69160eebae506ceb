// data.label_map: a .npy that holds a pickled dict, by which the reference gives identities other labels
// (data_loader_train_lmdb.py: label_map[str(label)], and labels that it does not name stay).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace facetrain {

struct LabelMap {
  std::vector<std::uint32_t> labels;  // by old label: the new one
  std::uint64_t unknown = 0;          // keys that are no label: they change nothing
};

// Reads the dict with the data-only pickle reader: nothing is run. classes: how many labels there are.
// Throws Error(kInput): not such a file, a key that is no text, a label that is no whole number, or a new
// label that is not below `classes` (the number of classes stays as it is).
LabelMap read_label_map(const std::string& path, std::uint32_t classes);

}  // namespace facetrain
