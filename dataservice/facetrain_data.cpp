// facetrain-data: the tools that need pictures but no network: list, extract, prepare, synth.
#include <iostream>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {
namespace {

std::vector<Command> commands() {
  return {list_command(), extract_command(), prepare_command(), synth_command()};
}

std::string usage(const std::vector<Command>& all) {
  std::string text = "usage: facetrain COMMAND [flags]   (facetrain COMMAND --help shows the flags)\n";
  for (const Command& command : all) {
    std::string name(command.name);
    name.resize(10, ' ');
    text += "  " + name + std::string(command.summary) + "\n";
  }
  return text;
}

bool is_help(const std::string& word) {
  return word == "--help" || word == "-h";
}

int run(const std::vector<std::string>& words) {
  const std::vector<Command> all = commands();
  if (words.empty() || is_help(words[0])) {
    (words.empty() ? std::cerr : std::cout) << usage(all);
    return words.empty() ? exit_code(ErrorKind::kConfig) : 0;
  }
  for (const Command& command : all) {
    if (command.name != words[0]) continue;
    const std::vector<std::string> rest(words.begin() + 1, words.end());
    for (const std::string& word : rest) {
      if (!is_help(word)) continue;
      std::cout << "facetrain " << command.name << ": " << command.summary << "\n"
                << describe_flags(command.flags);
      return 0;
    }
    command.run(parse_flags(command.name, command.flags, rest), std::cout);
    return 0;
  }
  throw Error(ErrorKind::kConfig, "unknown command " + words[0] + " (facetrain-data --help lists them)");
}

}  // namespace
}  // namespace facetrain

int main(int argc, char** argv) {
  try {
    return facetrain::run({argv + 1, argv + argc});
  } catch (const facetrain::Error& error) {
    std::cerr << "facetrain: " << error.what() << std::endl;
    return facetrain::exit_code(error.kind());
  } catch (const std::exception& error) {
    std::cerr << "facetrain: internal error: " << error.what() << std::endl;
    return facetrain::exit_code(facetrain::ErrorKind::kInternal);
  }
}
