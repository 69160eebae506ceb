// dataservice: one per node; decodes and augments pictures and streams them to the node's trainers.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "common/build_id.hpp"
#include "common/checkpoint/folders.hpp"
#include "common/checkpoint/manifest.hpp"
#include "common/config/job_kind.hpp"
#include "common/cpu.hpp"
#include "common/error.hpp"
#include "common/inject.hpp"
#include "common/io/file.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/launch/rank_role.hpp"
#include "common/mpi/communicators.hpp"
#include "common/mpi/job.hpp"
#include "common/mpi/job_watch.hpp"
#include "common/stop_signal.hpp"
#include "common/watch/start_limit.hpp"
#include "dataservice/serve/batch_server.hpp"
#include "dataservice/serve/pool_size.hpp"
#include "dataservice/source/digest.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/stalling_source.hpp"

namespace facetrain {
namespace {

ServiceSetup service_setup(const Job& job) {
  ServiceSetup setup;
  setup.config = job.config;
  setup.topology = job.topology;
  setup.nonce = job.nonce;
  setup.build = build_text();
  setup.build_id = build_id();
  setup.config_digest = job.config_digest;
  const std::string node = job.topology.nodes > 1 ? ".node" + std::to_string(job.topology.node) : "";
  setup.goes_on =
      !is_embedding(job.config) && !list_checkpoints(checkpoints_folder(run_folder(job.config))).empty();
  setup.bad_list_path = is_embedding(job.config)
                            ? embedding_files(job.config.embed.destination).unusable + node
                            : run_folder(job.config) + "/bad_images" + node + ".txt";
  const int processors = usable_processors();
  setup.workers = pool_size(job.config.data.workers, processors);
  if (const std::string warning = pool_size_warning(setup.workers, processors); !warning.empty())
    std::cerr << "dataservice: " + warning + "\n";
  return setup;
}

// The names of an embedding job's rows, a line each.
void write_names(const std::string& path, const Source& source) {
  CheckedFile file(path);
  for (std::uint32_t i = 0; i < source.size(); ++i) file.write(source.name(i) + "\n");
  file.commit();
}

// A line for each class that has pictures.
void write_class_map(const std::string& path, const Source& source) {
  CheckedFile file(path);
  std::vector<bool> seen(source.classes());
  for (std::uint32_t i = 0; i < source.size(); ++i) {
    const auto label = static_cast<std::size_t>(source.label(i));
    if (seen[label]) continue;
    seen[label] = true;
    file.write(std::to_string(label) + "\t" + source.name(i) + "\n");
  }
  file.commit();
}

// A run that goes on has its map already; with other data the trainers will refuse to go on.
void keep_class_map(const std::string& run_folder, const Source& source) {
  const std::string path = run_folder + "/" + kClassMapName;
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown) && !list_checkpoints(checkpoints_folder(run_folder)).empty())
    return;
  write_class_map(path, source);
}

// What threads read with, which may hang in the kernel for as long as the storage does.
struct Serving {
  OpenedSource opened;
  std::optional<BatchServer> server;
};
constexpr std::chrono::seconds kLeaveReadsAfter{5};

void serve(MpiSession& mpi, const JobArguments& arguments, StopSignal& stop, std::optional<TimeLimit>& limit,
           Serving& serving) {
  const Job job = join_job(mpi, Role::kService, arguments);
  JobWatch watch(mpi, job, stop);
  limit.reset();
  report_place(job.topology, kOnCpu);
  if (is_embedding(job.config)) refuse_overwritten_source(job.config);  // the line may be typed by hand
  std::error_code ignored;  // the write of the list reports what is wrong with the folder
  const std::string folder = is_embedding(job.config)
                                 ? std::filesystem::path(job.config.embed.destination).parent_path().string()
                                 : run_folder(job.config);
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  const std::string me =
      job.topology.nodes > 1 ? process_name("dataservice", job.topology.world_rank) : "dataservice";
  std::optional<TimeLimit> opening(
      TimeLimit::Rule{10, 0,
                      [me](long seconds) {
                        std::cerr << me + ": opening the data has taken " + std::to_string(seconds) +
                                         " s so far (the first time of a large set it may; else look at its "
                                         "storage)\n";
                      },
                      nullptr});
  OpenedSource& opened = serving.opened;
  opened = make_source(job.config, Copies::kStaged);
  if (const Injection injection = parse_injection(job.config.debug.inject);
      injection.at(job.topology.world_rank, injection.step) == Fault::kStall)
    opened.source = std::make_unique<StallingSource>(std::move(opened.source), injection.step);
  for (const std::string& warning : opened.warnings) std::cerr << me + ": " + warning + "\n";
  if (!is_embedding(job.config) && job.topology.node == 0) keep_class_map(folder, *opened.source);
  if (!is_embedding(job.config) && job.config.data.order == "exact") opened.source->read_at_random();
  ServiceSetup setup = service_setup(job);
  // Compared with a checkpoint's, and with the other nodes': nobody asks for that of one node's embedding.
  if (!is_embedding(job.config) || job.topology.nodes > 1)
    setup.data_digest = data_digest(*opened.source, usable_processors());
  const DataIdentity data{opened.source->size(), opened.source->classes(), setup.data_digest};
  setup.give_up = [&mpi](const std::string& reason) {
    std::cerr << process_name("dataservice", mpi.rank()) + ": " + reason + "\n" << std::flush;
    mpi.abort(exit_code(ErrorKind::kIo));
  };
  setup.handed_over = [&watch] { watch.vitals().handed_over(); };
  opening.reset();
  BatchServer& server = serving.server.emplace(std::move(setup), *opened.source);
  require_same_data(mpi, job, data);
  // Collective with the trainers, who connect after it: from here on somebody listens.
  const MpiComm not_mine = trainers_communicator(mpi, job.topology);
  watch.vitals().enter(Activity::kServing);
  server.run();
  if (is_embedding(job.config) && job.topology.node == 0)
    write_names(embedding_files(job.config.embed.destination).names, *opened.source);
  watch.end();
  limit.emplace(end_limit("dataservice", this_environment()));
}

}  // namespace
}  // namespace facetrain

int main(int argc, char** argv) {
  std::optional<facetrain::TimeLimit>
      limit;  // of what comes before and after the watch: until MPI is finalised
  std::optional<facetrain::MpiSession> mpi;
  // Out here, so that an error is told, and the job ended, before anybody waits for these threads.
  facetrain::Serving serving;
  try {
    // Before any thread. It does not stop by itself: the trainers say when they have stopped.
    facetrain::StopSignal stop(facetrain::stop_signals_of(facetrain::this_environment()));
    limit.emplace(facetrain::start_limit("dataservice", facetrain::this_environment()));
    mpi.emplace();
    facetrain::serve(*mpi, facetrain::parse_job_arguments({argv, static_cast<std::size_t>(argc)}), stop,
                     limit, serving);
    if (!serving.server->stop(facetrain::kLeaveReadsAfter)) {
      mpi.reset();  // all is done: a batch that nobody wants is no reason to stay
      std::cerr << std::flush;
      _exit(0);
    }
    return 0;
  } catch (...) {
    const facetrain::Failure failure = facetrain::current_failure();
    std::cerr << facetrain::process_name("dataservice", mpi ? mpi->rank() : -1) + ": " + failure.text + "\n";
    if (mpi) mpi->abort(failure.code);
    return failure.code;
  }
}
