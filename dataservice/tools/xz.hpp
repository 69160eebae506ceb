// Decompression of .xz files (also several streams in one file) with liblzma, chunk by chunk.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace facetrain {

// Calls sink with the decompressed bytes in order. Throws Error(kInput): missing, not .xz, corrupt, cut off.
void decompress_xz(const std::string& path, const std::function<void(std::span<const std::byte>)>& sink);

// All of it in memory; refuses more than `limit` bytes, so that a small file cannot fill the memory.
std::vector<std::byte> read_xz(const std::string& path, std::size_t limit);

}  // namespace facetrain
