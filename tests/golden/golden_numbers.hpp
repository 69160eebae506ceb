// Golden values as the recording scripts write them: lines starting with #, then for each key a line "key
// count" and a line of count numbers.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace facetrain::test {

inline std::map<std::string, std::vector<double>> read_golden_numbers(const std::string& path) {
  std::ifstream file(path);
  std::map<std::string, std::vector<double>> numbers;
  std::string header, values;
  while (std::getline(file, header)) {
    if (header.empty() || header[0] == '#') continue;
    std::istringstream head(header);
    std::string key;
    std::size_t count = 0;
    head >> key >> count;
    std::getline(file, values);
    std::istringstream row(values);
    for (std::string token; row >> token;) {  // strtod: a stream would refuse "nan"
      char* end = nullptr;
      numbers[key].push_back(std::strtod(token.c_str(), &end));
      if (*end != '\0') throw std::runtime_error(path + ": " + key + " has \"" + token + "\"");
    }
    if (numbers[key].size() != count) throw std::runtime_error(path + ": " + key + " is incomplete");
  }
  if (numbers.empty()) throw std::runtime_error(path + ": no golden values");
  return numbers;
}

}  // namespace facetrain::test
