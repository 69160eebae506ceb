#include "dataservice/source/class_limit.hpp"

#include <algorithm>

namespace facetrain {

std::uint32_t classes_of_labels(const Source& source, std::uint32_t told, const std::string& what) {
  std::uint32_t largest = 0;
  for (std::uint32_t i = 0; i < source.size(); ++i)
    largest = std::max(largest, static_cast<std::uint32_t>(source.label(i)));
  const std::uint32_t classes = told != 0 ? told : largest + 1;
  for (std::uint32_t i = 0; largest >= classes && i < source.size(); ++i)
    if (source.label(i) >= classes)
      throw Error(ErrorKind::kInput, source.name(i) + ": label " + std::to_string(source.label(i)) +
                                         " of only " + std::to_string(classes) + " " + what);
  return classes;
}

}  // namespace facetrain
