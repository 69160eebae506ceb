// DCFace's released data set: a RecordIO file whose records all have label 0, and beside it list.txt, a line
// "KEY<tab>PATH" a record; the identity is the name of the folder in PATH (mk-minchul/dcface,
// dcface/src/visualizations/record.py Writer, dcface/convert/record.py RecordReader).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataservice/source/identity_order.hpp"
#include "dataservice/source/record_source.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

// The list beside a record file, or "" when there is none.
std::string record_list_of(const std::string& rec_path);

// Samples are sorted (stably) by the name of their folder, labels count up in this order, as in a training
// list. At most 8 bytes an image more than the records themselves.
class ListedRecords final : public Source {
 public:
  // Throws Error(kInput): list:line of what is no "KEY<tab>PATH", has no folder, or names a record that the
  // file has not; a record that the list does not name or names twice.
  ListedRecords(RecordSource records, const std::string& list_path);

  std::uint32_t size() const override { return order_.size(); }
  std::uint32_t classes() const override { return order_.classes(); }
  std::int64_t label(std::uint32_t i) const override { return order_.label(i); }
  const std::vector<std::string>& warnings() const { return records_.warnings(); }  // lines for the log
  std::string name(std::uint32_t i) const override { return records_.name(record(i)); }
  std::uint64_t fingerprint(std::uint32_t i) const override { return records_.fingerprint(record(i)); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
    records_.read(record(i), buffer);
  }
  void will_need(std::uint32_t first, std::uint32_t count) const override {
    for_each_run(
        first, count, [&](std::uint32_t i) { return record(i); },
        [&](std::uint32_t begin, std::uint32_t length) { records_.will_need(begin, length); });
  }
  void read_at_random() override { records_.read_at_random(); }

 private:
  std::uint32_t record(std::uint32_t i) const { return lines_[order_.place(i)]; }

  RecordSource records_;
  std::vector<std::uint32_t> lines_;  // the record of each line
  IdentityOrder order_;
};

}  // namespace facetrain
