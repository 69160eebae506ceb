// The challenge's submission: one distance a pair of pictures, as the reference's get_submission_file.py
// computes and writes it, digit for digit: all arithmetic is float32 in numpy's order. Pure, but for the last
// function.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace facetrain {

// `embeddings`: 2 P rows of `length`, original and flip added; they are divided by their norms in place. -> P
// squared L2 distances between rows 2i and 2i + 1.
std::vector<float> pair_distances(std::span<float> embeddings, std::size_t length);

// np.savetxt's text: "%.18e" a line.
std::string submission_text(std::span<const float> distances);

// "<DIR's name>_<scale>_result" for --image_paths DIR/images.npy; DIR may be the current folder.
std::string submission_stem(const std::string& image_path, const std::string& scale);

// Writes <stem>.txt and <stem>.zip, which holds the .txt at its top, to the current folder. Each appears
// whole or not at all. Throws Error(kIo) naming the file.
void write_submission(const std::string& stem, const std::string& text);

}  // namespace facetrain
