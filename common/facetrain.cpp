// facetrain: what a person types. Composes and runs training jobs, and hands other subcommands to the program
// that has them.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "common/build_id.hpp"
#include "common/error.hpp"
#include "common/launch/config_command.hpp"
#include "common/launch/embed_command.hpp"
#include "common/launch/rank_role.hpp"
#include "common/launch/subcommands.hpp"
#include "common/launch/train_command.hpp"
#include "common/migrate/convert_command.hpp"
#include "common/scaling/paper_command.hpp"
#include "common/scaling/scaling_command.hpp"
#include "common/stop_signal.hpp"

namespace facetrain {
namespace {

bool starts_a_job(const std::vector<std::string>& words) {
  return (words[0] == "train" || words[0] == "embed") &&
         std::none_of(words.begin(), words.end(), [](const std::string& word) {
           return word == "--dry-run" || word == "--print-config" || word == "--help" || word == "-h";
         });
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::cerr << subcommand_help();
    return exit_code(ErrorKind::kConfig);
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::cout << subcommand_help();
    return 0;
  }
  if (words[0] == "--version") {
    std::cout << "facetrain " << build_text() << "\n";
    return 0;
  }
  // Before anything that takes time: a signal that comes now is for the job.
  if (starts_a_job(words)) hold_stop_signals(StopOn::kUsr1AndTerm);
  if (words[0] == "rank") hold_stop_signals(stop_signals_of(this_environment()));
  const Subcommand command = find_subcommand(words[0]);
  const std::string bin = program_folder();
  if (!command.program.empty()) become(bin, command.program, words);
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (command.name == "train") return train_command(rest, bin);
  if (command.name == "embed") return embed_command(rest, bin);
  if (command.name == "rank")
    become(bin,
           role_of_local_rank(launcher_place(this_environment()).local_rank) == Role::kService ? "dataservice"
                                                                                               : "trainer",
           rest);
  if (command.name == "scale") {
    const bool on_paper = std::find(rest.begin(), rest.end(), "--paper") != rest.end();
    (on_paper ? paper_command : scaling_command)(rest, std::cout);
    return 0;
  }
  if (command.name == "convert-config") {
    convert_config_command(rest, std::cout);
    return 0;
  }
  config_command(rest, std::cout);
  return 0;
}

// The message's lines, each with the program's name: a configuration may have several problems.
std::string named_lines(const std::string& text) {
  std::string named = "facetrain: ";
  for (const char c : text) named += c == '\n' ? "\nfacetrain: " : std::string(1, c);
  return named + "\n";
}

}  // namespace
}  // namespace facetrain

int main(int argc, char** argv) {
  try {
    return facetrain::dispatch({argv + 1, argv + argc});
  } catch (...) {
    const facetrain::Failure failure = facetrain::current_failure();
    std::cerr << facetrain::named_lines(failure.text);
    return failure.code;
  }
}
