#include "dataservice/serve/pool_size.hpp"

namespace facetrain {

int pool_size(std::int64_t configured, int processors) {
  return configured > 0 ? static_cast<int>(configured) : processors;
}

std::string pool_size_warning(int threads, int processors) {
  if (threads <= processors) return "";
  return "data.workers is " + std::to_string(threads) + " but this process may use " +
         std::to_string(processors) + " processors (affinity mask): decoding threads will compete";
}

}  // namespace facetrain
