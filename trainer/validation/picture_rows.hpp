// Pictures as prepared for validation and submission, from bytes to the network's numbers. Pure; no tensors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace facetrain {

// ((b / 255) - 0.5) / 0.5 in float64, rounded to float32 once: what the reference does to validation and
// submission pictures. Training pictures are normalised in float32, which differs in the last bit for 128 of
// the 256 bytes.
std::array<float, 256> normalised_bytes();

// The pictures of `rows` (any number of bytes; width columns fastest) through `table` into `out`; flip: each
// row of `width` columns is reversed (the mirrored picture).
void normalise_pictures(std::span<const std::byte> rows, std::size_t width, bool flip,
                        const std::array<float, 256>& table, std::span<float> out);

}  // namespace facetrain
