// A verification set on disk, as `facetrain prepare` writes it: NAME/NAME.npy (uint8, N x 3 x 112 x 112, RGB)
// and NAME/issame.txt (one number a pair; pictures 2i and 2i + 1 are pair i). The pictures are mapped, never
// loaded whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/npy.hpp"

namespace facetrain {

inline constexpr std::size_t kPictureSide = 112;
inline constexpr std::size_t kPictureBytes = 3 * kPictureSide * kPictureSide;

// The flags in a text as np.loadtxt reads it: numbers parted by white space, "#" begins a comment; 0 is
// "different", all else "same". `name` is for messages. Throws Error(kInput) naming file and line.
std::vector<std::uint8_t> parse_issame(std::string_view text, const std::string& name);

// The pictures of `path`. Throws Error(kInput) naming file and remedy if it is missing or not uint8, N x 3 x
// 112 x 112.
// `remedy` ends the message: what makes such a file.
MappedNpy map_pictures(const std::string& path, const std::string& remedy);

class ValidationSet {
 public:
  // Maps <folder>/<name>/<name>.npy. Throws Error(kInput) naming the file and what to do.
  ValidationSet(const std::string& folder, const std::string& name);

  const std::string& name() const { return name_; }
  std::size_t pictures() const { return 2 * same_.size(); }
  std::span<const std::uint8_t> same() const { return same_; }  // per pair
  // The bytes of pictures [first, first + count): count x 3 x 112 x 112.
  std::span<const std::byte> bytes(std::size_t first, std::size_t count) const {
    return pictures_.bytes().subspan(first * kPictureBytes, count * kPictureBytes);
  }

 private:
  std::string name_;
  MappedNpy pictures_;
  std::vector<std::uint8_t> same_;
};

// All sets of [validation] val_list, in order.
std::vector<ValidationSet> open_validation_sets(const std::string& folder,
                                                std::span<const std::string> names);

}  // namespace facetrain
