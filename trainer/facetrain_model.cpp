// facetrain-model: the tools that need a trained network: verify, submit, ijb.
#include "trainer/step/keep_freed_memory.hpp"
#include "trainer/tools/command.hpp"

int main(int argc, char** argv) {
  facetrain::keep_freed_memory();
  using namespace facetrain;
  const std::vector<Command> commands{verify_command(), submit_command(), ijb_command()};
  return run_program("facetrain-model", commands, argc, argv);
}
