// Pictures as prepared for validation and submission, from bytes to the network's numbers. Pure; no tensors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace facetrain {

// How a network wants its pictures: the parent's get_val_pair(rgb, mean, std). AdaFace's own weights take
// BGR, MagFace's BGR with mean 0 and std 1.
struct PictureFormat {
  bool bgr = false;  // channels blue, green, red; the stored pictures are RGB
  double mean = 0.5;
  double std_deviation = 0.5;
};

// ((b / 255) - mean) / std in float64, rounded to float32 once: what the reference does to validation and
// submission pictures. Training pictures are normalised in float32, which differs in the last bit for 128 of
// the 256 bytes.
std::array<float, 256> normalised_bytes(const PictureFormat& format = {});

// The pictures of `rows` (any number of bytes; width columns fastest) through `table` into `out`; flip: each
// row of `width` columns is reversed (the mirrored picture).
void normalise_pictures(std::span<const std::byte> rows, std::size_t width, bool flip,
                        const std::array<float, 256>& table, std::span<float> out);

// Swaps the first and third of the planes of each picture (3 x plane values, any number of pictures).
void swap_red_and_blue(std::span<float> pictures, std::size_t plane);

}  // namespace facetrain
