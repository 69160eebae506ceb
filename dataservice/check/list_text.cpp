#include "dataservice/check/list_text.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dataservice/source/identity_order.hpp"
#include "dataservice/source/line_reader.hpp"

namespace facetrain {
namespace {

// How often something occurs, and where first.
struct Tally {
  std::uint64_t count = 0;
  std::uint64_t first_line = 0;
  std::string example;

  void add(std::uint64_t line, std::string_view text) {
    if (count++ > 0) return;
    first_line = line;
    example = text.substr(0, 200);
  }
  std::string where(const std::string& name) const {
    return name + ":" + std::to_string(first_line) +
           (count > 1 ? " and " + std::to_string(count - 1) + " more" : "");
  }
};

struct Lines {
  Tally blank, comma, twice, bare;
  std::uint64_t paths = 0;
};

// Paths that stand twice. Eight bytes a path: texts are compared only where their hashes are equal.
Tally repeated_paths(std::string_view text, std::vector<std::size_t> hashes) {
  std::sort(hashes.begin(), hashes.end());
  std::unordered_set<std::size_t> suspects;
  for (auto at = hashes.begin(); (at = std::adjacent_find(at, hashes.end())) != hashes.end(); ++at)
    suspects.insert(*at);
  Tally twice;
  if (suspects.empty()) return twice;
  std::unordered_set<std::string> seen;
  LineReader reader(text, "");
  for (std::string_view line; reader.next_filled(line);)
    if (suspects.contains(std::hash<std::string_view>()(line)) && !seen.emplace(line).second)
      twice.add(reader.number(), line);
  return twice;
}

Lines read_lines(std::string_view text) {
  Lines lines;
  std::vector<std::size_t> hashes;
  LineReader reader(text, "");
  for (std::string_view line; reader.next(line);) {
    if (line.find_first_not_of(" \t") == line.npos) {
      lines.blank.add(reader.number(), "");
      continue;
    }
    hashes.push_back(std::hash<std::string_view>()(line));
    if (line.find(',') != line.npos) lines.comma.add(reader.number(), line);
    if (folder_of(line).empty()) lines.bare.add(reader.number(), line);
  }
  lines.paths = hashes.size();
  lines.twice = repeated_paths(text, std::move(hashes));
  return lines;
}

}  // namespace

Findings list_text_findings(std::string_view text, const std::string& name) {
  const std::string what = "list";
  const Lines lines = read_lines(text);
  Findings findings;
  if (lines.paths == 0)
    return {
        refused(ErrorKind::kInput, what, name, "it names no picture; `facetrain list -s FOLDER` writes one")};
  if (lines.bare.count > 0)
    findings.push_back(
        refused(ErrorKind::kInput, what, lines.bare.where(name),
                "no folder in front of the file name, which is the identity: " + lines.bare.example));
  if (lines.blank.count > 0)
    findings.push_back(warning(what, lines.blank.where(name),
                               "a blank line; it is skipped here, but the reference reads it as a path"));
  if (lines.comma.count > 0)
    findings.push_back(
        note(what, lines.comma.where(name),
             "a comma in a path; it is part of the name here, but the reference cuts the path there"));
  if (lines.twice.count > 0)
    findings.push_back(
        warning(what, lines.twice.where(name),
                "the same path twice: its picture counts double; sort -u removes such lines (" +
                    lines.twice.example + ")"));
  if (findings.empty())
    findings.push_back(ok(what, name, std::to_string(lines.paths) + " paths, none twice, no blank line"));
  return findings;
}

}  // namespace facetrain
