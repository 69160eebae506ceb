#include "common/error.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {

Command extract_command() {
  return {"extract", "not there yet", {}, [](const Flags&, std::ostream&) {
            throw Error(ErrorKind::kInternal, "extract: not there yet");
          }};
}

}  // namespace facetrain
