#include "dataservice/source/stalling_source.hpp"

#include <unistd.h>

namespace facetrain {

std::string StallingSource::name(std::uint32_t i) const {
  while (left_ < 1) ::pause();
  return source_->name(i);
}

void StallingSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  if (left_.fetch_sub(1) == 1)
    for (;;) ::pause();
  source_->read(i, buffer);
}

}  // namespace facetrain
