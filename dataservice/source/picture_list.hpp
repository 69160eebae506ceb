// The pictures that an embedding job goes through: the lines of a list in their order (a training list is
// sorted by identity; this one is not), or the pictures below a folder, sorted by path. One identity: nobody
// asks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataservice/source/source.hpp"
#include "dataservice/source/text_store.hpp"

namespace facetrain {

class PictureList final : public Source {
 public:
  // A folder: all .jpg, .jpeg and .png below it, whatever their case; linked folders are not entered, files
  // that begin with a dot are left out. Else a text file: a path per line, blank lines skipped, \r\n and a
  // UTF-8 byte-order mark taken. Throws Error(kInput) when it cannot be read or names no picture.
  explicit PictureList(const std::string& path);

  std::uint32_t size() const override { return static_cast<std::uint32_t>(paths_.size()); }
  std::uint32_t classes() const override { return 1; }
  std::int64_t label(std::uint32_t) const override { return 0; }
  std::string name(std::uint32_t i) const override { return paths_.get(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;

 private:
  TextStore paths_;
};

}  // namespace facetrain
