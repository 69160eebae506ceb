// facetrain check: everything about a run that can be known before it starts, one line a finding.
#include <unistd.h>

#include <algorithm>
#include <ostream>
#include <sstream>

#include "common/check/challenge.hpp"
#include "common/check/host_memory.hpp"
#include "common/check/network_size.hpp"
#include "common/check/scale.hpp"
#include "common/check/training_memory.hpp"
#include "common/config/parse.hpp"
#include "common/io/file.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/launch/machine.hpp"
#include "common/launch/shell.hpp"
#include "common/launch/subcommands.hpp"
#include "common/launch/train_options.hpp"
#include "common/plan/sample_plan.hpp"
#include "common/precision.hpp"
#include "dataservice/check/identities.hpp"
#include "dataservice/check/list_text.hpp"
#include "dataservice/check/pictures.hpp"
#include "dataservice/check/validation_sets.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {
namespace {

// Prints findings as they come, and remembers them for the verdict.
class Report {
 public:
  explicit Report(std::ostream& out) : out_(out) {}

  void add(const Findings& findings) {
    for (const Finding& finding : findings) out_ << finding_line(finding) << std::endl;
    all_.insert(all_.end(), findings.begin(), findings.end());
  }
  // Runs a rule that may throw; each line of its error is then a refusal.
  template <class Call>
  void add_from(const std::string& what, const std::string& where, const Call& call) {
    try {
      call();
    } catch (const Error& error) {
      std::istringstream lines(error.what());
      for (std::string line; std::getline(lines, line);) add({refused(error.kind(), what, where, line)});
    }
  }
  void finish() const {
    const Verdict end = verdict(all_);
    if (end.is_refused) throw Error(end.kind, "check: " + end.text);
    out_ << end.text << "\n";
  }

 private:
  std::ostream& out_;
  Findings all_;
};

// What the command line asks for.
struct Request {
  LaunchRequest launch;
  std::optional<Scale> scale;
  Rules rules = Rules::kAdvice;
  bool deep = false;
  std::optional<double> gpu_bytes;
};

Request request_of(const Flags& given) {
  std::vector<std::string> words = {"--config", given.text("CONFIG")};
  for (const std::string& set : given.texts("--set")) words.insert(words.end(), {"--set", set});
  for (const char* flag : {"--gpus", "--nodes"})
    if (given.has(flag)) words.insert(words.end(), {flag, given.text(flag)});
  Request request;
  request.launch = parse_train_options(words).request;
  if (given.has("--scale")) request.scale = scale_named(given.text("--scale"));
  if (request.scale) request.rules = Rules::kChallenge;
  request.deep = given.has("--deep");
  if (given.has("--gpu-memory"))
    request.gpu_bytes = static_cast<double>(given.integer("--gpu-memory", 0, 1, 4096)) * 1024 * 1024 * 1024;
  return request;
}

// Whether an epoch has a step at all, and how many.
Finding epoch_finding(const Config& config, std::uint32_t images, int ranks) {
  const PlanShape shape = plan_shape(config, images, static_cast<std::uint32_t>(ranks));
  return ok("epoch", std::to_string(shape.samples_per_epoch()) + " images",
            std::to_string(shape.steps_per_epoch()) + " steps of " + std::to_string(ranks) + " x " +
                std::to_string(config.train.batch_size));
}

// The data set: its lists as text, then whatever it is as a source, for `ranks` trainers (0: unknown).
// Returns its number of identities, 0 if it cannot be opened.
std::uint64_t check_data(const Config& config, const Request& request, int ranks, Report& report) {
  for (const std::string& path : config.data.train_source) {
    if (!path.ends_with(".txt")) continue;
    report.add_from("list", path, [&] {
      const MappedFile file(path);
      const auto bytes = file.bytes();
      report.add(list_text_findings({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path));
    });
  }
  std::uint64_t identities = 0;
  report.add_from("data", "data.train_source", [&] {
    const OpenedSource opened = make_source(config);
    const Source& source = *opened.source;
    const std::string name = config.data.train_source.front() +
                             (config.data.train_source.size() > 1
                                  ? " and " + std::to_string(config.data.train_source.size() - 1) + " more"
                                  : "");
    for (const std::string& text : opened.warnings) report.add({warning("data", name, text)});
    const auto counts = pictures_of_identities(source);
    identities = counts.size();
    report.add(identity_findings(counts, name));
    // Classes that a mask emptied are no identities of the data set.
    const auto present =
        counts.size() - static_cast<std::size_t>(std::count(counts.begin(), counts.end(), 0u));
    report.add(scale_findings(present, source.size(), request.scale, request.rules));
    if (ranks > 0)
      report.add_from("epoch", name, [&] { report.add({epoch_finding(config, source.size(), ranks)}); });
    report.add(picture_findings(census(source, request.deep), name));
  });
  return identities;
}

void check_memory(const Config& config, const Request& request, const Launch& launch, bool has_gpu,
                  std::uint64_t identities, Report& report) {
  const int trainers = launch.node_processes - 1;
  const int ranks = trainers * request.launch.nodes;
  const bool on_gpu = has_gpu || request.gpu_bytes;
  const Dtype dtype = ring_dtype(config.model.model, precision_of(config.train.precision, on_gpu));
  const std::uint64_t rings =
      ring_bytes(config, dtype, trainers, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  Findings host = host_memory_findings(rings, 0, memory_headroom());
  const auto size = network_size(config);
  if (size && on_gpu) {
    report.add(gpu_memory_findings(training_memory(config, *size, identities, ranks),
                                   request.gpu_bytes ? request.gpu_bytes : smallest_gpu_bytes()));
  } else if (size) {
    Config on_cpu = config;
    if (on_cpu.train.precision != "fp64") on_cpu.train.precision = "fp32";
    const double one = training_memory(on_cpu, *size, identities, ranks).total();
    report.add(gpu_memory_findings(training_memory(config, *size, identities, ranks), {}));
    if (host[0].severity == Severity::kOk)
      host = host_memory_findings(rings, static_cast<std::uint64_t>(one * trainers), memory_headroom());
    // An estimate, and for a machine that may not be the one that trains.
    for (Finding& finding : host) finding.severity = std::min(finding.severity, Severity::kWarning);
  }
  report.add(host);
  if (!size)
    report.add(
        {note("GPU memory", "model.model = " + config.model.model, "this backbone's is not estimated")});
  if (size)
    report.add_from("disk", config.run.work_path, [&] {
      const auto weights = static_cast<std::uint64_t>(size->parameters) * 4;
      report.add(disk_findings(config.run.work_path, weights, config.train.epochs,
                               free_space(config.run.work_path)));
    });
}

void run(const Flags& given, std::ostream& out) {
  const Request request = request_of(given);
  Report report(out);
  std::optional<Config> config;
  report.add_from("config", request.launch.config_path, [&] {
    config = load_config(request.launch.config_path, request.launch.sets);
    report.add({ok("config", request.launch.config_path, "its keys and values fit together")});
  });
  if (!config) return report.finish();
  report.add(challenge_findings(*config, request.rules));

  const Machine machine = this_machine();
  std::optional<Launch> launch;
  int ranks = 0;
  report.add_from("launch", "this machine", [&] {
    launch = compose_launch(*config, request.launch, machine, program_folder());
    ranks = (launch->node_processes - 1) * request.launch.nodes;
    report.add(batch_findings(*config, ranks, request.rules));
  });
  const std::uint64_t identities = check_data(*config, request, ranks, report);
  report.add(validation_findings(*config));
  if (launch) {
    check_memory(*config, request, *launch, machine.gpus > 0, identities, report);
    report.add({ok("launch", "facetrain train runs", shell_line(launch->argv))});
  }
  report.finish();
}

}  // namespace

Command check_command() {
  return {"check",
          "Check a configuration, its data, the challenge's rules, memory and disk before a run",
          {{{"CONFIG"}, "", "the configuration (TOML)", true},
           {{"--set"}, "table.key=value ...", "override keys, as in facetrain train; after CONFIG"},
           {{"--scale"},
            "10K",
            "a run for the challenge at 10K, 20K or 100K: what breaks its rules is refused, not warned"},
           {{"--deep"}, "", "decode every picture instead of reading its header"},
           {{"--gpus"}, "0,2", "as in facetrain train"},
           {{"--nodes"}, "N", "as in facetrain train"},
           {{"--gpu-memory"}, "GIB", "memory of the GPUs that will train (default: of those here)"}},
          run};
}

}  // namespace facetrain
