#include "common/launch/launch_plan.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "common/launch/shell.hpp"
#include "common/launch/subcommands.hpp"
#include "common/launch/train_options.hpp"

using namespace facetrain;

namespace {

LaunchRequest request(std::vector<std::string> sets = {}) {
  LaunchRequest asked;
  asked.config_path = "c.toml";
  asked.sets = std::move(sets);
  return asked;
}

Config with(int trainers, std::vector<std::int64_t> gpus = {}) {
  Config config;
  config.launch.trainers = trainers;
  config.launch.gpus = std::move(gpus);
  return config;
}

std::string line(const Launch& launch) {
  return shell_line(launch.argv);
}

template <class F>
std::string complaint(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kConfig);
    return error.what();
  }
  return "";
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("one node: a service and the trainers as two programs") {
  const Machine four_gpus{32, 4, false};
  CHECK(line(compose_launch(with(4), request(), four_gpus, "/b")) ==
        "mpirun --bind-to none -np 1 /b/dataservice --config c.toml : -np 4 /b/trainer --config c.toml");
  CHECK(line(compose_launch(with(0), request(), four_gpus, "/b")) ==
        "mpirun --bind-to none -np 1 /b/dataservice --config c.toml : -np 4 /b/trainer --config c.toml");
  CHECK(line(compose_launch(with(0, {0, 2}), request({"a.b=x y"}), four_gpus, "/b")) ==
        "mpirun --bind-to none -np 1 /b/dataservice --config c.toml --set 'a.b=x y' : "
        "-np 2 /b/trainer --config c.toml --set 'a.b=x y'");
}

TEST_CASE("the line fits the machine") {
  LaunchRequest asked = request();
  asked.progress = true;
  CHECK(line(compose_launch(with(2), asked, {2, 0, true}, "/b")) ==
        "mpirun --bind-to none --oversubscribe --allow-run-as-root -np 1 /b/dataservice --config c.toml : "
        "-np 2 /b/trainer --config c.toml --progress");
  CHECK(line(compose_launch(with(0), request(), {2, 0, false}, "/b")) ==
        "mpirun --bind-to none -np 1 /b/dataservice --config c.toml : -np 1 /b/trainer --config c.toml");
}

TEST_CASE("several nodes: one program") {
  LaunchRequest asked = request({"train.lr=1"});
  asked.nodes = 3;
  CHECK(
      line(compose_launch(with(4), asked, {32, 4, false}, "/b")) ==
      "mpirun --bind-to none -np 15 --map-by ppr:5:node /b/facetrain rank --config c.toml --set train.lr=1");
  asked.hostfile = "hosts";
  asked.nodes = 1;
  const Launch launch =
      compose_launch(with(4), asked, {32, 0, false}, "/b");  // started where there are no GPUs
  CHECK(line(launch) ==
        "mpirun --bind-to none --hostfile hosts -np 5 --map-by ppr:5:node /b/facetrain rank --config c.toml "
        "--set train.lr=1");
  CHECK(launch.processes[1].gpu == kGpuUnknown);
}

TEST_CASE("each process has its place") {
  LaunchRequest asked = request();
  asked.nodes = 2;
  const Launch launch = compose_launch(with(2, {0, 2}), asked, {32, 4, false}, "/b");
  CHECK(describe_placement(launch) ==
        "# rank 0  node 0  dataservice\n"
        "# rank 1  node 0  trainer 0  GPU 0  data part 0 of 4\n"
        "# rank 2  node 0  trainer 1  GPU 2  data part 1 of 4\n"
        "# rank 3  node 1  dataservice\n"
        "# rank 4  node 1  trainer 0  GPU 0  data part 2 of 4\n"
        "# rank 5  node 1  trainer 1  GPU 2  data part 3 of 4\n");
  CHECK(launch.node_processes == 3);
}

TEST_CASE("the nodes' names are told where they are known") {
  LaunchRequest asked = request();
  asked.nodes = 2;
  asked.hosts = {"n1"};
  CHECK(complaint([&] {
          compose_launch(with(1), asked, {32, 0, false}, "/b");
        }) == "--nodes 2, but this Slurm job has 1 node; pass --nodes 1");
  asked.hosts = {"n1", "n2", "n3"};
  CHECK(describe_placement(compose_launch(with(1), asked, {32, 0, false}, "/b")) ==
        "# rank 0  node 0 (n1)  dataservice\n"
        "# rank 1  node 0 (n1)  trainer 0  data part 0 of 2\n"
        "# rank 2  node 1 (n2)  dataservice\n"
        "# rank 3  node 1 (n2)  trainer 0  data part 1 of 2\n");
}

TEST_CASE("a running process tells its place in the plan's words") {
  LaunchRequest asked = request();
  asked.nodes = 2;
  asked.hosts = {"n1", "n2"};
  const Launch launch = compose_launch(with(2, {0, 2}), asked, {32, 4, false}, "/b");
  std::vector<ProcessReport> reports;
  for (const PlacedProcess& process : launch.processes) reports.push_back({process.role, 100 + process.node});
  for (int rank = 0; rank < 6; ++rank) {
    const PlacedProcess& planned = launch.processes[static_cast<std::size_t>(rank)];
    const Topology topology = make_topology(reports, rank);
    const int gpu = gpu_of_trainer({0, 2}, topology.local_trainer, 4);
    CHECK(placement_line(rank, placed_process(topology, planned.host, gpu)) == placement_line(rank, planned));
  }
}

TEST_CASE("a batch job's tasks per node are a service and trainers") {
  Machine machine{32, 0, false, 5};
  CHECK(compose_launch(with(0), request(), machine, "/b").node_processes == 5);
  CHECK(compose_launch(with(4), request(), machine, "/b").node_processes == 5);
  CHECK(complaint([&] { compose_launch(with(2), request(), machine, "/b"); }) ==
        "2 trainers per node and the data service make 3 tasks, but this Slurm job has 5 on each node: "
        "sbatch --ntasks-per-node=3, or --set launch.trainers=4");
  machine.gpus = 4;
  machine.node_tasks = 4;  // the data service forgotten
  CHECK(complaint([&] {
          compose_launch(with(0), request(), machine, "/b");
        }).find("sbatch --ntasks-per-node=5") != std::string::npos);
}

TEST_CASE("more trainers than GPUs is an error where there are GPUs") {
  CHECK(complaint([] {
          compose_launch(with(4), request(), {32, 2, false}, "/b");
        }) ==
        "4 trainers per node need as many GPUs, but 2 GPUs are visible; pass --set launch.trainers=2, "
        "or set CUDA_VISIBLE_DEVICES= to run on the CPU");
  CHECK(complaint([] { compose_launch(with(4), request(), {32, 0, false}, "/b"); }) == "");
  CHECK(complaint([] {
          compose_launch(with(1, {5}), request(), {32, 2, false}, "/b");
        }).starts_with("launch.gpus names GPU 5, but 2 GPUs are visible"));
  CHECK(complaint([] {
          compose_launch(with(1, {0}), request(), {32, 0, false}, "/b");
        }).starts_with("launch.gpus names GPU 0, but no GPU is visible"));
}

TEST_CASE("a trainer's GPU") {
  CHECK(gpu_of_trainer({}, 3, 4) == 3);
  CHECK(gpu_of_trainer({0, 2}, 1, 4) == 2);
  CHECK(gpu_of_trainer({}, 3, 1) == 0);  // the batch system shows each process its own
  CHECK(gpu_of_trainer({}, 3, 0) == kOnCpu);
}

TEST_CASE("a test may pretend that there are GPUs") {
  CHECK(pretended_gpus({{"FACETRAIN_TEST_GPUS", "2"}}) == 2);
  CHECK(pretended_gpus({{"FACETRAIN_TEST_GPUS", "0"}}) == 0);
  CHECK_FALSE(pretended_gpus({{"FACETRAIN_TEST_GPUS", "two"}}));
  CHECK_FALSE(pretended_gpus({}));
}

TEST_CASE("GPUs are counted as CUDA shows them") {
  CHECK(visible_gpus(4, std::nullopt) == 4);
  CHECK(visible_gpus(4, "") == 0);
  CHECK(visible_gpus(4, "-1") == 0);
  CHECK(visible_gpus(4, "0, 2") == 2);
  CHECK(visible_gpus(4, "0,7,1") == 1);  // CUDA stops at the first that is not there
  CHECK(visible_gpus(4, "GPU-1a,GPU-2b,GPU-3c") == 3);
  CHECK(visible_gpus(4, "1,1") == 0);
  CHECK(visible_gpus(0, "0") == 0);
}

TEST_CASE("words are quoted for a shell") {
  CHECK(shell_quoted("a/b-c_d=1.5,x:y") == "a/b-c_d=1.5,x:y");
  CHECK(shell_quoted("") == "''");
  CHECK(shell_quoted("it's") == "'it'\\''s'");
  CHECK(shell_quoted("launch.gpus=[0,2]") == "'launch.gpus=[0,2]'");
  CHECK(shell_quoted("$HOME") == "'$HOME'");
  CHECK(shell_quoted("a b") == "'a b'");
  CHECK(shell_quoted("~") == "'~'");
}

TEST_CASE("the command line of train") {
  const TrainOptions options =
      parse_train_options(Words{"--config=c.toml", "--gpus", "0,2", "--set", "train.lr=1", "--nodes", "2",
                                "--hostfile=h", "--dry-run"});
  CHECK(options.request.config_path == "c.toml");
  CHECK(options.request.sets == Words{"train.lr=1", "launch.gpus=[0,2]", "launch.trainers=2"});
  CHECK(options.request.nodes == 2);
  CHECK(options.request.hostfile == "h");
  CHECK(options.dry_run);
  CHECK(
      parse_train_options(Words{"-c", "c", "--init-from", "w.pth", "--init-head=a\"b", "--trace", "t.jsonl"})
          .request.sets ==
      Words{"run.init_from=\"w.pth\"", "run.init_head=\"a\\\"b\"", "run.trace=\"t.jsonl\""});
  const TrainOptions fresh = parse_train_options(Words{"-c", "c", "--fresh", "--allow-change", "lr,plan"});
  CHECK(fresh.fresh);
  CHECK_FALSE(options.fresh);
  CHECK(fresh.request.sets == Words{"checkpoint.allow=[\"lr\",\"plan\"]"});
  const std::string prefix = fresh_prefix("a", std::chrono::system_clock::now());
  CHECK(prefix.starts_with("a-20"));
  CHECK(prefix.size() == std::string("a-2025-01-01-12-00-59").size());
  const auto parse = [](Words words) { return complaint([&] { parse_train_options(words); }); };
  CHECK(parse({"--config", "c", "--trace="}) == "--trace needs the name of a file");
  CHECK(parse_train_options(Words{"-c", "c", "--profile", "20"}).request.sets == Words{"run.profile=20"});
  CHECK(parse({"-c", "c", "--profile", "0"}) == "--profile 0: expected a number of steps, at least 1");
  CHECK(parse({"--confg", "x"}) == "train: unknown option `--confg`; did you mean `--config`?");
  CHECK(parse({"c.toml"}).ends_with("(the configuration is given as --config FILE)"));
  CHECK(parse({"--config"}) == "--config needs a value; see facetrain train --help");
  CHECK(parse({"--dry-run"}).starts_with("train: no --config FILE"));
  CHECK(parse({"--config", "c", "--gpus", "a"}) ==
        "--gpus a: expected numbers with commas between, such as 0,2");
  CHECK(parse({"--config", "c", "--gpus", "0,,1"}) != "");
  CHECK(parse({"--config", "c", "--nodes", "0"}) == "--nodes 0: expected a number of nodes, at least 1");
  CHECK(parse({"--config", "c", "--dry-run=1"}) == "--dry-run takes no value");
}

TEST_CASE("one table of subcommands") {
  for (const Subcommand& command : subcommands()) {
    CHECK(find_subcommand(command.name).program == command.program);
    CHECK(subcommand_help().find("\n  " + std::string(command.name) + " ") != std::string::npos);
  }
  CHECK(complaint([] { find_subcommand("trian"); }) == "unknown command `trian`; did you mean `train`?");
  CHECK(complaint([] { find_subcommand("xyzzy"); }) ==
        "unknown command `xyzzy`; facetrain --help lists them");
}
