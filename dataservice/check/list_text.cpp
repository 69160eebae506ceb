#include "dataservice/check/list_text.hpp"

#include <algorithm>
#include <unordered_set>

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

Lines read_lines(std::string_view text) {
  Lines lines;
  std::unordered_set<std::string_view> paths;
  std::uint64_t number = 0;
  for (std::size_t start = text.starts_with("\xEF\xBB\xBF") ? 3 : 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == line.npos) {
      lines.blank.add(number, "");
      continue;
    }
    ++lines.paths;
    if (line.find(',') != line.npos) lines.comma.add(number, line);
    if (!paths.insert(line).second) lines.twice.add(number, line);
    const std::size_t slash = line.rfind('/');
    if (slash == line.npos || slash == 0 || line[slash - 1] == '/') lines.bare.add(number, line);
  }
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
