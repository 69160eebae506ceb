#include "common/cli/command.hpp"

#include <exception>
#include <iostream>
#include <string>

#include "common/error.hpp"

namespace facetrain {
namespace {

std::string usage(std::span<const Command> all) {
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

int run(std::string_view program, std::span<const Command> all, const std::vector<std::string>& words) {
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
  throw Error(ErrorKind::kConfig,
              "unknown command " + words[0] + " (" + std::string(program) + " --help lists them)");
}

}  // namespace

int run_program(std::string_view program, std::span<const Command> commands, int argc, char** argv) {
  try {
    return run(program, commands, {argv + 1, argv + argc});
  } catch (const Error& error) {
    std::cerr << "facetrain: " << error.what() << std::endl;
    return exit_code(error.kind());
  } catch (const std::exception& error) {
    std::cerr << "facetrain: internal error: " << error.what() << std::endl;
    return exit_code(ErrorKind::kInternal);
  }
}

}  // namespace facetrain
