#include "common/data_match.hpp"

#include <algorithm>

#include "common/formatted.hpp"

namespace facetrain {
namespace {

std::string text_of(const DataIdentity& data) {
  return std::to_string(data.samples) + " samples of " + std::to_string(data.classes) +
         " identities (digest " + hex(data.digest) + ")";
}

}  // namespace

std::string data_mismatch(std::span<const ServiceData> services) {
  const auto other = std::find_if(services.begin(), services.end(), [&](const ServiceData& service) {
    return service.data != services.front().data;
  });
  if (other == services.end()) return "";
  const ServiceData& first = services.front();
  return first.process + " reads " + text_of(first.data) + ", but " + other->process + " reads " +
         text_of(other->data) +
         ": all nodes must find the same data under the same names (copy them anew, or keep them where all "
         "nodes see them)";
}

}  // namespace facetrain
