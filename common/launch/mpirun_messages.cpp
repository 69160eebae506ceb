#include "common/launch/mpirun_messages.hpp"

#include <algorithm>
#include <regex>
#include <utility>

namespace facetrain {
namespace {

// No banner of mpirun's is longer; a rule of dashes in some process's own output must not hold back what
// follows for ever.
constexpr std::size_t kLongestBlock = 80;

bool is_rule(std::string_view line) {
  return line.size() >= 60 && line.find_first_not_of('-') == line.npos;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// "[host:pid] Read -1, expected 156928, errno = 3": a rank copies out of the memory of one that has just died
// (Open MPI's btl/vader; 3 is ESRCH).
bool is_copy_from_the_dead(std::string_view line) {
  return line.starts_with('[') &&
         (contains(line, "] Read -1, expected ") || contains(line, "] Write -1, expected ")) &&
         line.ends_with(", errno = 3");
}

// Lines outside the banners that only say what the banners say.
bool is_chatter(std::string_view line) {
  return is_copy_from_the_dead(line) || contains(line, "help message help-") ||
         contains(line, "orte_base_help_aggregate") ||
         (contains(line, "ORTE_ERROR_LOG") && contains(line, "show_help.c")) ||
         line.starts_with("mpirun: Forwarding signal ") || line.starts_with("mpirun: killing job");
}

bool is_from_our_process(std::string_view line) {
  return line.starts_with("facetrain") || line.starts_with("dataservice") || line.starts_with("trainer");
}

}  // namespace

std::vector<std::string> MpirunMessages::take(std::string_view line) {
  if (is_rule(line)) {
    block_.emplace_back(line);
    if (in_block_) return close_block();
    in_block_ = true;
    return {};
  }
  if (!in_block_)
    return is_chatter(line) ? std::vector<std::string>{} : std::vector<std::string>{std::string(line)};
  block_.emplace_back(line);
  return block_.size() > kLongestBlock ? close_block() : std::vector<std::string>{};
}

std::vector<std::string> MpirunMessages::finish() {
  return close_block();
}

std::vector<std::string> MpirunMessages::close_block() {
  in_block_ = false;
  std::vector<std::string> block = std::exchange(block_, {});
  std::string text;
  std::vector<std::string> lines;
  for (const std::string& line : block) {
    text += line + " ";
    if (is_from_our_process(line)) lines.push_back(line);
  }
  const auto who = [this](const std::string& rank) {
    const bool is_service = std::stoll(rank) % node_processes_ == 0;
    return "facetrain: rank " + rank + (is_service ? " (dataservice)" : " (trainer)");
  };
  const std::regex killed(
      R"(process rank (\d{1,9}) with PID \d+ on node (\S+) exited on signal (\d+)(?: \(([^)]*)\))?)");
  const std::regex left(
      R"(has exited due to process rank (\d{1,9}) with PID \d+ on\s+node (\S+) exiting improperly)");
  std::smatch found;
  if (std::regex_search(text, found, killed)) {
    lines.push_back(who(found[1]) + " on " + found[2].str() + " was killed by signal " + found[3].str() +
                    (found[4].matched ? " (" + found[4].str() + ")" : ""));
    return lines;
  }
  if (std::regex_search(text, found, left)) {
    lines.push_back(who(found[1]) + " on " + found[2].str() + " ended in the middle of the job");
    return lines;
  }
  for (const char* noise : {"Primary job  terminated normally, but", "MPI_ABORT was invoked on rank",
                            "processes exited with non-zero status, thus causing"})
    if (contains(text, noise)) return lines;
  return block;
}

}  // namespace facetrain
