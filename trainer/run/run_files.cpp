#include "trainer/run/run_files.hpp"

#include <filesystem>
#include <iostream>

#include "common/config/print.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/mpi/job.hpp"

namespace facetrain {

void RunFiles::create() const {
  std::error_code error;
  std::filesystem::create_directories(models(), error);
  if (error)
    throw Error(ErrorKind::kIo,
                "cannot create " + models() + ": " + error.message() + "; choose another run.work_path");
}

void RunFiles::remove_temporaries() const {
  facetrain::remove_temporaries(folder);
  facetrain::remove_temporaries(models());
}

void RunFiles::write_config(const Config& config) const {
  write_file_atomically(folder + "/config.toml", print_config(config));
}

StorageRule storage_rule(MpiSession& mpi, const Config& config) {
  const std::string me = process_name("trainer", mpi.rank()) + ": ";
  return {config.limits.storage,
          [me](const std::string& text) { std::cerr << me + "WARNING: " + text + "\n"
                                                    << std::flush; },
          [me, &mpi](const std::string& text) {
            std::cerr << me + text + "; the job ends here\n" << std::flush;
            mpi.abort(exit_code(ErrorKind::kIo));
          }};
}

}  // namespace facetrain
