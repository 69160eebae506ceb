// facetrain verify: a model's accuracy on validation sets, as the reference's test.py measures and prints it.
#include <ostream>

#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/tools/command.hpp"
#include "trainer/tools/trained_network.hpp"
#include "trainer/validation/evaluate.hpp"

namespace facetrain {
namespace {

std::vector<FlagSpec> flags() {
  std::vector<FlagSpec> all = network_flags();
  const std::vector<FlagSpec> own{
      {{"--add_flip", "-aflip"}, "", "add the mirrored picture's embedding"},
      {{"--add_norm", "-anorm"}, "", "the same, each weighted by its norm"},
      {{"--cosine", "-cosine"}, "", "cosine distance of mean-free embeddings (default: squared L2)"},
      {{"--val_list", "-v"},
       "NAME ...",
       "validation sets (default: lfw cfp_fp cplfw agedb_30 calfw hadrian eclipse)"},
      {{"--val_source", "-vs"},
       "DIR",
       "folder with NAME/NAME.npy and NAME/issame.txt (default: ./test_sets)"},
  };
  all.insert(all.end(), own.begin(), own.end());
  const std::vector<FlagSpec> pictures = picture_flags();
  all.insert(all.end(), pictures.begin(), pictures.end());
  return all;
}

void run(const Flags& given, std::ostream& out) {
  std::vector<std::string> names = given.texts("--val_list");
  if (names.empty()) names = {"lfw", "cfp_fp", "cplfw", "agedb_30", "calfw", "hadrian", "eclipse"};
  // Before the network, which takes longer: a misspelt name is told at once.
  const auto sets = open_validation_sets(given.text("--val_source", "./test_sets"), names);
  const TrainedNetwork network = load_network(given);
  if (network.on_gpu) out << "Model will use 1 GPUs!" << std::endl;
  const ValidationOptions options{
      .fusion = fusion_of(given.has("--add_flip"), given.has("--add_norm")),
      .metric = given.has("--cosine") ? Metric::kCosine : Metric::kSquaredL2,
      .batch = network.batch,
      .format = picture_format_of(given),
  };
  SelfCommunicator alone;
  evaluate(*network.backbone, alone, sets, options,
           [&](const std::string& line) { out << line << std::endl; });
  out << std::endl;  // the reference ends with an empty line
}

}  // namespace

Command verify_command() {
  return {"verify", "measure a model on validation sets", flags(), run};
}

}  // namespace facetrain
