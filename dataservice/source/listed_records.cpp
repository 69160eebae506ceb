#include "dataservice/source/listed_records.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "common/error.hpp"
#include "dataservice/source/line_reader.hpp"

namespace facetrain {

std::string record_list_of(const std::string& rec_path) {
  const std::filesystem::path list = std::filesystem::path(rec_path).parent_path() / "list.txt";
  std::error_code missing;
  return std::filesystem::is_regular_file(list, missing) ? list.string() : "";
}

namespace {

// Finds a record by its key; a table is made only when the keys do not ascend (as they do from every writer).
class RecordsByKey {
 public:
  explicit RecordsByKey(const RecordSource& records) : records_(records) {
    bool ascend = true;
    for (std::uint32_t i = 1; i < records_.size() && ascend; ++i)
      ascend = records_.key(i - 1) < records_.key(i);
    if (ascend) return;
    by_key_.resize(records_.size());
    std::iota(by_key_.begin(), by_key_.end(), 0u);
    std::stable_sort(by_key_.begin(), by_key_.end(),
                     [&](auto a, auto b) { return records_.key(a) < records_.key(b); });
  }

  // Of records with the same key, the first.
  std::optional<std::uint32_t> find(std::uint64_t key) const {
    std::uint32_t low = 0, high = records_.size();
    // Where the keys are in sequence, as mostly, there is nothing to search.
    if (const std::uint64_t place = key - records_.key(0);
        by_key_.empty() && place < high && records_.key(static_cast<std::uint32_t>(place)) == key)
      return static_cast<std::uint32_t>(place);
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (records_.key(at(middle)) < key) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == records_.size() || records_.key(at(low)) != key) return {};
    return at(low);
  }

 private:
  std::uint32_t at(std::uint32_t rank) const { return by_key_.empty() ? rank : by_key_[rank]; }

  const RecordSource& records_;
  std::vector<std::uint32_t> by_key_;
};

}  // namespace

ListedRecords::ListedRecords(RecordSource records, const std::string& list_path)
    : records_(std::move(records)) {
  const RecordsByKey by_key(records_);
  LineReader reader(list_path);
  IdentitySorter sorter;
  std::vector<bool> named(records_.size(), false);
  lines_.reserve(records_.size());
  for (std::string_view line; reader.next_filled(line);) {
    std::uint64_t key = 0;
    const std::size_t tab = line.find('\t');
    const auto [stop, error] = std::from_chars(line.data(), line.data() + std::min(tab, line.size()), key);
    if (tab == line.npos || error != std::errc{} || stop != line.data() + tab)
      reader.fail("not a line KEY<tab>PATH", line);
    const std::string_view folder = folder_of(line.substr(tab + 1));
    if (folder.empty()) reader.fail("no folder in front of the file name (its name is the identity)", line);
    const auto record = by_key.find(key);
    if (!record) reader.fail("the record file has no such record", line);
    if (named[*record]) reader.fail("this record was named before", line);
    named[*record] = true;
    lines_.push_back(*record);
    sorter.add(folder);
  }
  const auto left_out = std::find(named.begin(), named.end(), false);
  if (left_out != named.end())
    throw Error(ErrorKind::kInput, list_path + " does not name " +
                                       records_.name(static_cast<std::uint32_t>(left_out - named.begin())));
  order_ = sorter.sorted();
}

}  // namespace facetrain
