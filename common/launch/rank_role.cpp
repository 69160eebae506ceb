#include "common/launch/rank_role.hpp"

#include <charconv>

#include "common/error.hpp"

namespace facetrain {

int local_rank(const Environment& environment) {
  for (const char* name : {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"}) {
    const auto found = environment.find(name);
    if (found == environment.end()) continue;
    const std::string& text = found->second;
    int rank = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rank);
    if (error != std::errc{} || end != text.data() + text.size() || rank < 0)
      throw Error(ErrorKind::kConfig, std::string(name) + " is `" + text + "`, not a local rank");
    return rank;
  }
  throw Error(
      ErrorKind::kConfig,
      "`facetrain rank` is started by mpirun (OMPI_COMM_WORLD_LOCAL_RANK and SLURM_LOCALID are not set); "
      "use `facetrain train --config FILE`");
}

Role role_of_local_rank(int local_rank) {
  return local_rank == 0 ? Role::kService : Role::kTrainer;
}

}  // namespace facetrain
