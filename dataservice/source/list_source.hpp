// A training list as the reference reads it (data_loader_train_lmdb.py): one image path a line; identities
// are the names of the files' folders; pictures are sorted (stably) by that name, labels count up in this
// order. Kept lean for millions of lines: the file's text plus 12 bytes an image.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataservice/source/source.hpp"

namespace facetrain {

class ListSource final : public Source {
 public:
  // Blank lines are skipped, \r\n and a UTF-8 byte-order mark are taken, commas and spaces belong to the
  // name. Throws Error(kInput): no such file, no path in it, or file:line of a path without a folder in front
  // of the name.
  explicit ListSource(const std::string& path);
  // The same of a list that is not in a file; `name` stands for the file's in messages.
  ListSource(std::vector<std::byte> text, const std::string& name);

  std::uint32_t size() const override { return static_cast<std::uint32_t>(images_.size()); }
  std::uint32_t classes() const override { return classes_; }
  std::int64_t label(std::uint32_t i) const override { return images_[i].label; }
  std::string name(std::uint32_t i) const override { return std::string(line(i)); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;

  // What a user should know, for the caller to log: at most one line about equal folder names under different
  // roots, whose pictures share one label.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Image {
    std::uint32_t low = 0;  // offset of the line in text_: low + (high << 32)
    std::uint16_t high = 0;
    std::uint16_t length = 0;  // bytes of the path (PATH_MAX is 4096)
    std::uint32_t label = 0;
  };
  static_assert(sizeof(Image) == 12);

  std::string_view line(std::uint32_t i) const {
    const Image& image = images_[i];
    const std::uint64_t offset = static_cast<std::uint64_t>(image.high) << 32 | image.low;
    return {reinterpret_cast<const char*>(text_.data()) + offset, image.length};
  }

  std::vector<std::byte> text_;
  std::vector<Image> images_;  // in sorted order
  std::uint32_t classes_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace facetrain
