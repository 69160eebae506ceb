// Runs a built program as a user would.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace facetrain::test {

struct ToolRun {
  int code = 0;
  std::string output;  // stdout and stderr
};

inline ToolRun run_tool(const std::string& arguments) {
  const std::string line = std::string(FACETRAIN_BIN_DIR) + "/" + arguments + " 2>&1";
  std::FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen " + line);
  ToolRun run;
  char block[4096];
  for (std::size_t n; (n = fread(block, 1, sizeof block, pipe)) > 0;) run.output.append(block, n);
  run.code = WEXITSTATUS(pclose(pipe));
  return run;
}

// The text of the error that `call` throws; "" when it throws none.
template <class Error, class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace facetrain::test
