#include "dataservice/source/listed_records.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/error.hpp"
#include "common/io/file.hpp"

namespace facetrain {

std::string record_list_of(const std::string& rec_path) {
  const std::filesystem::path list = std::filesystem::path(rec_path).parent_path() / "list.txt";
  std::error_code missing;
  return std::filesystem::is_regular_file(list, missing) ? list.string() : "";
}

ListedRecords::ListedRecords(RecordSource records, const std::string& list_path)
    : records_(std::move(records)) {
  const MappedFile file(list_path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::unordered_map<std::uint64_t, std::uint32_t> record_of;
  for (std::uint32_t i = 0; i < records_.size(); ++i) record_of.emplace(records_.key(i), i);

  struct Line {
    std::string_view identity;
    std::uint32_t record;
  };
  std::vector<Line> lines;
  std::vector<bool> named(records_.size(), false);
  std::size_t number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto fail = [&](const std::string& why) {
      throw Error(ErrorKind::kInput, list_path + ":" + std::to_string(number) + ": " + why + ": " +
                                         std::string(line.substr(0, 200)));
    };
    std::uint64_t key = 0;
    const std::size_t tab = line.find('\t');
    const auto [stop, error] = std::from_chars(line.data(), line.data() + std::min(tab, line.size()), key);
    if (tab == line.npos || error != std::errc{} || stop != line.data() + tab)
      fail("not a line KEY<tab>PATH");
    const std::string_view path = line.substr(tab + 1);
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos || slash == 0 || path[slash - 1] == '/')
      fail("no folder in front of the file name (its name is the identity)");
    const std::string_view folder = path.substr(0, slash);
    const auto record = record_of.find(key);
    if (record == record_of.end()) fail("the record file has no such record");
    if (named[record->second]) fail("this record was named before");
    named[record->second] = true;
    lines.push_back({folder.substr(folder.rfind('/') + 1), record->second});
  }
  const auto left_out = std::find(named.begin(), named.end(), false);
  if (left_out != named.end())
    throw Error(ErrorKind::kInput, list_path + " does not name " +
                                       records_.name(static_cast<std::uint32_t>(left_out - named.begin())));
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.identity < b.identity; });
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i == 0 || lines[i].identity != lines[i - 1].identity) ++classes_;
    samples_.push_back({lines[i].record, classes_ - 1});
  }
}

}  // namespace facetrain
