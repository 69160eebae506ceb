#include "common/launch/config_command.hpp"

#include <iomanip>
#include <ostream>
#include <vector>

#include "common/config/parse.hpp"
#include "common/error.hpp"

namespace facetrain {

void config_command(std::span<const std::string> words, std::ostream& out) {
  const std::string usage =
      "usage: facetrain config FILE [--set table.key=value]... [--comments] [--digest], or facetrain config "
      "--reference";
  std::string file;
  std::vector<std::string> sets;
  bool comments = false, digest = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h") {
      out << usage << "\n";
      return;
    }
    if (word == "--reference") {
      out << config_reference();
      return;
    }
    if (word == "--comments") {
      comments = true;
    } else if (word == "--digest") {
      digest = true;
    } else if (word == "--set" && i + 1 < words.size()) {
      sets.push_back(words[++i]);
    } else if (word.starts_with("--set=")) {
      sets.push_back(word.substr(6));
    } else if (word.starts_with("-") || !file.empty()) {
      throw Error(ErrorKind::kConfig, "config: unexpected `" + word + "`; " + usage);
    } else {
      file = word;
    }
  }
  if (file.empty()) throw Error(ErrorKind::kConfig, "config: no FILE; " + usage);
  const Config config = load_config(file, sets);
  if (digest) {
    out << std::hex << std::setw(16) << std::setfill('0') << config_digest(config) << "\n";
  } else {
    out << print_config(config, comments ? Comments::kMeanings : Comments::kNone);
  }
}

}  // namespace facetrain
