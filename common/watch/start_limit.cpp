#include "common/watch/start_limit.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "common/error.hpp"
#include "common/host_name.hpp"
#include "common/launch/rank_role.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

constexpr int kStart = 300;  // seconds

int number_of(const Environment& environment, const char* name, int otherwise) {
  const auto found = environment.find(name);
  return found == environment.end() ? otherwise : parse_number<int>(found->second).value_or(otherwise);
}

TimeLimit::Rule rule(const std::string& program, const Environment& environment, const std::string& what) {
  const int rank = launched_rank(environment).value_or(0);
  TimeLimit::Rule rule;
  rule.limit = number_of(environment, "FACETRAIN_TEST_START", kStart) + 10 * std::min(rank, 2);
  rule.act = [text = program + " (rank " + std::to_string(rank) + " on " + host_name() +
                     "): " + what](long seconds) {
    std::cerr << text + " within " + std::to_string(seconds) +
                     " s: one is stopped, frozen or cut off the network; the job ends here\n"
              << std::flush;
    _exit(exit_code(ErrorKind::kInternal));
  };
  return rule;
}

}  // namespace

TimeLimit::Rule start_limit(const std::string& program, const Environment& environment) {
  return rule(program, environment, "the job's processes have not come together");
}

TimeLimit::Rule end_limit(const std::string& program, const Environment& environment) {
  return rule(program, environment, "the job's processes have not parted");
}

}  // namespace facetrain
