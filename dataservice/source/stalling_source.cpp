#include "dataservice/source/stalling_source.hpp"

#include <unistd.h>

namespace facetrain {

void StallingSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  if (left_.fetch_sub(1) == 1)
    for (;;) ::pause();
  source_->read(i, buffer);
}

}  // namespace facetrain
