// facetrain-data: the tools that need pictures but no network: list, extract, prepare, synth, pack, unpack,
// check, align.
#include "dataservice/tools/command.hpp"

int main(int argc, char** argv) {
  using namespace facetrain;
  const std::vector<Command> commands{list_command(), extract_command(), prepare_command(), synth_command(),
                                      pack_command(), unpack_command(),  check_command(),   align_command()};
  return run_program("facetrain-data", commands, argc, argv);
}
