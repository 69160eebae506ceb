#include "common/launch/subcommands.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/config/suggest.hpp"
#include "common/error.hpp"

namespace facetrain {

std::vector<Subcommand> subcommands() {
  return {
      {"train", "", "compose and run the mpirun line of a training job"},
      {"embed", "", "write the embeddings of a list or folder of pictures"},
      {"config", "", "print a resolved configuration, or the reference of all keys"},
      {"check", "facetrain-data", "check a configuration, its data and this machine before a run"},
      {"scale", "", "what a configuration would reach on many GPUs; --paper: what a large job would plan"},
      {"convert-config", "", "turn a Python configuration of the reference into TOML"},
      {"rank", "", "one process of a job on several nodes (started by mpirun)"},
      {"list", "facetrain-data", "write the training list of a folder of pictures"},
      {"extract", "facetrain-data", "unpack the challenge's xz-compressed .npy"},
      {"prepare", "facetrain-data", "turn validation sets (.xz, .bin) into .npy and issame.txt"},
      {"align", "facetrain-data", "cut pictures with five facial points to 112 x 112"},
      {"synth", "facetrain-data", "draw pictures of identities that do not exist"},
      {"pack", "facetrain-data", "put the pictures of a list into LMDB or tar shards"},
      {"unpack", "facetrain-data", "write the pictures of an LMDB, tar shards or train.rec into folders"},
      {"verify", "facetrain-model", "measure a model on validation sets"},
      {"submit", "facetrain-model", "write the challenge's submission file"},
      {"ijb", "facetrain-model", "template verification on IJB-B and IJB-C"},
  };
}

std::string subcommand_help() {
  std::string text =
      "facetrain: trains face-recognition networks as an MPI job with a data service on each node\n\n"
      "usage: facetrain COMMAND [arguments]\n\n";
  for (const Subcommand& command : subcommands()) {
    std::string name(command.name);
    name.resize(16, ' ');
    text += "  " + name + std::string(command.meaning) + "\n";
  }
  return text +
         "\n`facetrain COMMAND --help` shows a command's arguments; `facetrain --version` the build.\n"
         "Start with: facetrain train --config configs/arcface_r50_default.toml --dry-run\n";
}

Subcommand find_subcommand(std::string_view name) {
  const auto all = subcommands();
  std::vector<std::string_view> names;
  for (const Subcommand& command : all) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  throw Error(ErrorKind::kConfig, "unknown command `" + std::string(name) + "`" + suggestion(name, names) +
                                      (nearest(name, names).empty() ? "; facetrain --help lists them" : ""));
}

std::string program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

void become(const std::string& bin, std::string_view program, std::span<const std::string> arguments) {
  const std::string path = bin + "/" + std::string(program);
  std::string name(program);
  std::vector<char*> words = {name.data()};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(path.c_str(), words.data());
  throw Error(ErrorKind::kConfig, with_errno("cannot start " + path, errno) +
                                      "; build it: cmake --build build --target " + std::string(program));
}

}  // namespace facetrain
