// A training list as the reference reads it (data_loader_train_lmdb.py): one image path a line; identities
// are the names of the files' folders; pictures are sorted (stably) by that name, labels count up in this
// order. Kept lean for millions of lines: of grouped ones about 12 bytes an image, its path included.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dataservice/source/identity_order.hpp"
#include "dataservice/source/source.hpp"
#include "dataservice/source/text_store.hpp"

namespace facetrain {

class ListSource final : public Source {
 public:
  // Blank lines are skipped, \r\n and a UTF-8 byte-order mark are taken, commas and spaces belong to the
  // name. Throws Error(kInput): no such file, no path in it, or file:line of a path without a folder in front
  // of the name.
  explicit ListSource(const std::string& path);
  // The same of paths from elsewhere: `each` calls what it is given once for each, a folder in front of every
  // file name. `name` stands for the list in messages.
  using Take = std::function<void(std::string_view path)>;
  ListSource(const std::function<void(const Take&)>& each, const std::string& name);

  std::uint32_t size() const override { return order_.size(); }
  std::uint32_t classes() const override { return order_.classes(); }
  std::int64_t label(std::uint32_t i) const override { return order_.label(i); }
  std::string name(std::uint32_t i) const override { return paths_.get(order_.place(i)); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;

  // What a user should know, for the caller to log: at most one line about equal folder names under different
  // roots, whose pictures share one label.
  const std::vector<std::string>& warnings() const { return warnings_; }

  std::uint64_t memory() const { return paths_.memory() + order_.memory(); }  // bytes it holds

 private:
  TextStore paths_;  // as they came
  IdentityOrder order_;
  std::vector<std::string> warnings_;
};

}  // namespace facetrain
