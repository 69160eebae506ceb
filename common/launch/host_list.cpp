#include "common/launch/host_list.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kMostHosts = 100'000;

// The list's entries: commas inside brackets do not divide.
std::vector<std::string_view> entries_of(std::string_view list) {
  std::vector<std::string_view> entries;
  std::size_t begin = 0;
  bool inside = false;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i == list.size() || (list[i] == ',' && !inside)) {
      entries.push_back(list.substr(begin, i - begin));
      begin = i + 1;
    } else {
      inside = list[i] == '[' || (inside && list[i] != ']');
    }
  }
  return entries;
}

// "1-3" or "07" behind `stem`; leading zeros are kept. False when it is no range or the list grows too long.
bool add_range(std::string_view range, const std::string& stem, std::vector<std::string>& hosts) {
  const auto dash = range.find('-');
  const std::string_view from = range.substr(0, dash);
  const auto first = parse_number<std::uint64_t>(from);
  const auto last = dash == range.npos ? first : parse_number<std::uint64_t>(range.substr(dash + 1));
  if (!first || !last || *last < *first || *last - *first >= kMostHosts - std::min(kMostHosts, hosts.size()))
    return false;
  for (std::uint64_t number = *first; number <= *last; ++number) {
    std::string digits = std::to_string(number);
    digits.insert(0, from.size() - std::min(from.size(), digits.size()), '0');
    hosts.push_back(stem + digits);
  }
  return true;
}

}  // namespace

std::vector<std::string> hostfile_hosts(const std::string& text) {
  std::vector<std::string> hosts;
  std::istringstream lines(text);
  for (std::string line, host; std::getline(lines, line);) {
    if (!(std::istringstream(line) >> host) || host.front() == '#') continue;
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  }
  return hosts;
}

std::vector<std::string> expand_node_list(const std::string& list) {
  std::vector<std::string> hosts;
  if (list.empty()) return hosts;
  for (const std::string_view entry : entries_of(list)) {
    const auto open = entry.find('[');
    if (open == entry.npos) {
      hosts.emplace_back(entry);
      continue;
    }
    if (!entry.ends_with(']') || entry.find('[', open + 1) != entry.npos) return {};
    const std::string stem(entry.substr(0, open));
    for (const std::string_view range : entries_of(entry.substr(open + 1, entry.size() - open - 2)))
      if (!add_range(range, stem, hosts)) return {};
  }
  return hosts;
}

std::vector<std::string> job_hosts(const std::string& hostfile, const Environment& environment) {
  if (hostfile.empty()) {
    const auto nodes = environment.find("SLURM_JOB_NODELIST");
    return nodes == environment.end() ? std::vector<std::string>() : expand_node_list(nodes->second);
  }
  std::ostringstream text;
  errno = 0;
  std::ifstream file(hostfile);
  if (!file) throw Error(ErrorKind::kConfig, with_errno("cannot read the hostfile " + hostfile, errno));
  text << file.rdbuf();
  std::vector<std::string> hosts = hostfile_hosts(text.str());
  if (hosts.empty())
    throw Error(ErrorKind::kConfig,
                "the hostfile " + hostfile + " names no host; write a line `NAME slots=N` for each node");
  return hosts;
}

}  // namespace facetrain
