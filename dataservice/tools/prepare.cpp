#include "common/error.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {

Command prepare_command() {
  return {"prepare", "not there yet", {}, [](const Flags&, std::ostream&) {
            throw Error(ErrorKind::kInternal, "prepare: not there yet");
          }};
}

}  // namespace facetrain
