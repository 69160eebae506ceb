// The pickle inside a .pth: an OrderedDict of names to tensors whose bytes lie in records beside it. Only
// data: reading knows the few globals that tensors need and refuses every other by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/backbones/backbone.hpp"

namespace facetrain {

// The pickle (protocol 2) of the tensors; the i-th one's bytes belong in record data/<i>. Tensors: float32 or
// int64, contiguous.
std::string write_state_dict_pickle(const std::vector<NamedTensor>& state);

// Returns the flat tensor of a storage: `count` elements of `type` from record data/<key>.
using StorageReader =
    std::function<at::Tensor(const std::string& key, at::ScalarType type, std::int64_t count)>;

// The tensors of a pickled state_dict, as views of their storages. Throws Error(kInput), beginning with
// `where`, for anything malformed, out of bounds or unknown.
std::vector<NamedTensor> read_state_dict_pickle(std::string_view pickle, const StorageReader& storage,
                                                const std::string& where);

}  // namespace facetrain
