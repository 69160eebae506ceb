// facetrain-model: the tools that need a trained network: verify, submit.
#include "trainer/tools/command.hpp"

int main(int argc, char** argv) {
  using namespace facetrain;
  const std::vector<Command> commands{verify_command(), submit_command()};
  return run_program("facetrain-model", commands, argc, argv);
}
