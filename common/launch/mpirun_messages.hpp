// What mpirun says on its standard error, reduced to what a person needs. Its banners about an ended job
// would bury the one line in which the process that failed says why; they are dropped, or become one line of
// ours. Everything else (messages of the processes, too few slots, a host that cannot be reached) passes
// unchanged, which `mpirun -q` would swallow too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

class MpirunMessages {
 public:
  // node_processes: processes per node; the first of each is the data service.
  explicit MpirunMessages(int node_processes) : node_processes_(node_processes) {}

  // Takes one line without its newline; returns the lines to show now.
  std::vector<std::string> take(std::string_view line);
  // The end of the stream: what is still held back.
  std::vector<std::string> finish();

 private:
  std::vector<std::string> close_block();

  int node_processes_;
  bool in_block_ = false;           // between two rules of dashes
  std::vector<std::string> block_;  // with its opening rule
};

}  // namespace facetrain
