#include "common/mpi/job.hpp"

#include <iostream>
#include <sstream>
#include <string_view>

#include "common/build_id.hpp"
#include "common/build_match.hpp"
#include "common/config/parse.hpp"
#include "common/data_match.hpp"
#include "common/error.hpp"
#include "common/host_name.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/launch/rank_role.hpp"
#include "common/mpi/communicators.hpp"

namespace facetrain {
namespace {

// The first that the processes say to each other: everything after it may differ between builds.
void require_one_build(MpiSession& session, Role role) {
  const std::string own =
      process_name(role == Role::kService ? "dataservice" : "trainer", session.rank()) + "\n" + build_text();
  std::vector<ProcessBuild> processes;
  for (const std::string& text : all_gather_texts(session, own)) {
    const std::size_t line = text.find('\n');
    processes.push_back({text.substr(0, line), text.substr(line + 1)});
  }
  if (const std::string mismatch = build_mismatch(processes); session.rank() == 0 && !mismatch.empty())
    throw Error(ErrorKind::kConfig, mismatch);
}

// Every node has as many trainers as the configuration wants.
void require_trainers(const Config& config, std::span<const ProcessReport> reports) {
  const auto wanted = static_cast<int>(config.launch.trainers);
  for (std::size_t rank = 0; wanted > 0 && rank < reports.size(); ++rank) {
    if (reports[rank].role != Role::kService) continue;
    const Topology node = make_topology(reports, static_cast<int>(rank));
    if (node.node_trainers == wanted) continue;
    throw Error(ErrorKind::kConfig,
                "launch.trainers is " + std::to_string(wanted) + " but " +
                    std::to_string(node.node_trainers) + " trainers were started on node " +
                    std::to_string(node.node) + ": start `" +
                    start_command(this_environment(), node.nodes, wanted) +
                    "`, or pass --set launch.trainers=" + std::to_string(node.node_trainers));
  }
}

}  // namespace

JobArguments parse_job_arguments(std::span<char* const> arguments) {
  JobArguments parsed;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (argument == "--progress") {
      parsed.progress = true;
    } else if (argument == "--config" && has_value) {
      parsed.config_path = arguments[++i];
    } else if (argument == "--set" && has_value) {
      parsed.sets.emplace_back(arguments[++i]);
    } else {
      throw Error(ErrorKind::kConfig, "unknown or incomplete argument '" + std::string(argument) +
                                          "': usage: --config FILE [--set table.key=value]... [--progress]");
    }
  }
  if (parsed.config_path.empty()) throw Error(ErrorKind::kConfig, "no --config FILE given");
  return parsed;
}

Job join_job(MpiSession& session, Role role, const JobArguments& arguments) {
  require_one_build(session, role);
  const std::vector<ProcessReport> reports = gather_reports(session, role);
  Job job;
  std::string text;
  if (session.rank() == 0) {
    job.topology = make_topology(reports, 0);
    text = resolve_config(arguments.config_path, arguments.sets);
    require_trainers(parse_config(text, arguments.config_path), reports);
  }
  text = broadcast_text(session, std::move(text));
  job.config = parse_config(text, arguments.config_path);
  job.config_digest = config_digest(job.config);
  job.topology = make_topology(reports, session.rank());
  job.nonce = broadcast_nonce(session);
  return job;
}

void require_same_data(MpiSession& session, const Job& job, const std::optional<DataIdentity>& read) {
  if (job.topology.nodes == 1) return;
  std::ostringstream own;
  if (read)
    own << read->samples << ' ' << read->classes << ' ' << read->digest << ' '
        << process_name("dataservice", session.rank());
  std::vector<ServiceData> services;
  for (const std::string& text : all_gather_texts(session, own.str())) {
    if (text.empty()) continue;  // a trainer
    ServiceData& service = services.emplace_back();
    std::istringstream words(text);
    words >> service.data.samples >> service.data.classes >> service.data.digest >> std::ws;
    std::getline(words, service.process);
  }
  if (const std::string mismatch = data_mismatch(services); session.rank() == 0 && !mismatch.empty())
    throw Error(ErrorKind::kConfig, mismatch);
}

std::string process_name(const char* program, int world_rank) {
  return std::string(program) + " (rank " + std::to_string(world_rank) + " on " + host_name() + ")";
}

void report_place(const Topology& topology, int gpu) {
  if (topology.nodes == 1) return;
  const std::string line = placement_line(topology.world_rank, placed_process(topology, host_name(), gpu));
  std::cout << line + "\n" << std::flush;
}

}  // namespace facetrain
