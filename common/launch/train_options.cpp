#include "common/launch/train_options.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>
#include <vector>

#include "common/config/suggest.hpp"
#include "common/config/text_form.hpp"
#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

int parse_count(const std::string& option, const std::string& text, const char* of) {
  const auto count = parse_number<int>(text);
  if (!count || *count < 1 || *count > 100000)
    throw Error(ErrorKind::kConfig, option + " " + text + ": expected a number of " + of + ", at least 1");
  return *count;
}

// --init-from FILE as run.init_from="FILE"; quoted, so that no name of a file is read as TOML.
std::string path_override(const std::string& option, const std::string& path) {
  if (path.empty()) throw Error(ErrorKind::kConfig, option + " needs the name of a file");
  std::string key = option.substr(2);
  std::replace(key.begin(), key.end(), '-', '_');
  return "run." + key + "=" + quoted_text(path);
}

// "lr,plan" as ["lr","plan"].
std::string list_of_texts(std::string_view words) {
  std::string list;
  while (!words.empty()) {
    const std::size_t comma = std::min(words.find(','), words.size());
    list += (list.empty() ? "" : ",") + quoted_text(words.substr(0, comma));
    words.remove_prefix(std::min(comma + 1, words.size()));
  }
  return "[" + list + "]";
}

}  // namespace

std::string fresh_prefix(const std::string& prefix, std::chrono::system_clock::time_point now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm fields{};
  localtime_r(&seconds, &fields);
  std::array<char, 32> text;
  return prefix +
         std::string(text.data(), std::strftime(text.data(), text.size(), "-%Y-%m-%d-%H-%M-%S", &fields));
}

std::vector<std::string> gpu_overrides(const std::string& list) {
  const bool is_list = !list.empty() && list.find_first_not_of("0123456789,") == list.npos &&
                       list.front() != ',' && list.back() != ',' && list.find(",,") == list.npos;
  if (!is_list)
    throw Error(ErrorKind::kConfig, "--gpus " + list + ": expected numbers with commas between, such as 0,2");
  const auto count = 1 + std::count(list.begin(), list.end(), ',');
  return {"launch.gpus=[" + list + "]", "launch.trainers=" + std::to_string(count)};
}

TrainOptions parse_train_options(std::span<const std::string> words) {
  static constexpr std::string_view names[] = {
      "--config",  "--gpus",         "--set",   "--init-from", "--init-head", "--trace", "--profile",
      "--dry-run", "--print-config", "--nodes", "--hostfile",  "--help",      "--fresh", "--allow-change"};
  TrainOptions options;
  std::vector<std::string> from_gpus;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto equals = word.starts_with("--") ? word.find('=') : word.npos;
    const std::string name = word.substr(0, equals);
    const auto value = [&]() -> std::string {
      if (equals != word.npos) return word.substr(equals + 1);
      if (i + 1 == words.size())
        throw Error(ErrorKind::kConfig, name + " needs a value; see facetrain train --help");
      return words[++i];
    };
    const auto flag = [&] {
      if (equals != word.npos) throw Error(ErrorKind::kConfig, name + " takes no value");
      return true;
    };
    if (name == "--config" || name == "-c") {
      options.request.config_path = value();
    } else if (name == "--set") {
      options.request.sets.push_back(value());
    } else if (name == "--init-from" || name == "--init-head" || name == "--trace") {
      options.request.sets.push_back(path_override(name, value()));
    } else if (name == "--profile") {
      options.request.sets.push_back("run.profile=" + std::to_string(parse_count(name, value(), "steps")));
    } else if (name == "--allow-change") {
      options.request.sets.push_back("checkpoint.allow=" + list_of_texts(value()));
    } else if (name == "--fresh") {
      options.fresh = flag();
    } else if (name == "--gpus") {
      from_gpus = gpu_overrides(value());
    } else if (name == "--nodes") {
      options.request.nodes = parse_count(name, value(), "nodes");
    } else if (name == "--hostfile") {
      options.request.hostfile = value();
    } else if (name == "--dry-run") {
      options.dry_run = flag();
    } else if (name == "--print-config") {
      options.print_config = flag();
    } else if (name == "--help" || name == "-h") {
      options.help = flag();
    } else {
      throw Error(ErrorKind::kConfig,
                  "train: unknown option `" + word + "`" + suggestion(name, names) +
                      (word.starts_with("-") ? "" : " (the configuration is given as --config FILE)"));
    }
  }
  options.request.sets.insert(options.request.sets.end(), from_gpus.begin(), from_gpus.end());
  if (options.request.config_path.empty() && !options.help)
    throw Error(ErrorKind::kConfig,
                "train: no --config FILE; for example --config configs/arcface_r50_default.toml");
  return options;
}

std::string train_usage() {
  return "usage: facetrain train --config FILE [options]\n"
         "  --config FILE          the configuration (configs/README.md lists every key)\n"
         "  --set table.key=value  override one key; may be repeated\n"
         "  --init-from W.pth      start the backbone from these weights, which must fit exactly\n"
         "  --init-head H.pth      start the class centres from this file's tensor weight (classes x "
         "embedding_size)\n"
         "  --trace FILE           write a JSON line per step and rank: step, rank, ids, loss, grad_norm, "
         "lr\n"
         "  --profile N            measure N steps after the first 5 and log where their time goes\n"
         "  --fresh                start a new run, in a folder with the time behind its name, instead of "
         "going "
         "on with the last one\n"
         "  --allow-change WHAT    go on with another learning rate (lr), other samples in an update (plan), "
         "another recipe (training);\n"
         "                         several with commas between\n"
         "  --gpus 0,2             use these GPUs, with one trainer each\n"
         "  --nodes N              nodes of the job (1); with more, mpirun places 1 + trainers processes on "
         "each\n"
         "  --hostfile FILE        mpirun's list of hosts\n"
         "  --dry-run              print each process's place and the mpirun line, start nothing\n"
         "  --print-config         print the resolved configuration, start nothing\n"
         "The same command goes on where the last one ended. Ctrl-C (or SIGUSR1) has the job finish its step "
         "and write a\n"
         "checkpoint, a second Ctrl-C stops it at once, a third kills it. Exit codes: 0 done, 66 unusable "
         "input, 70 internal, 74 disk,\n"
         "75 checkpointed: run it again, 78 configuration, 128 + n ended by signal n.\n";
}

}  // namespace facetrain
