// facetrain unpack: a packed data set becomes a folder for each identity. See pack/unpack.hpp.
#include <ostream>

#include "common/error.hpp"
#include "dataservice/pack/unpack.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {
namespace {

void run(const Flags& flags, std::ostream& out) {
  const std::string path = flags.text("FILE"), target = flags.text("--out");
  const OpenedSource opened = open_source(path);
  const Source& source = *opened.source;
  std::vector<std::string> given;
  if (const auto* tar = dynamic_cast<const WebDatasetSource*>(&source);
      tar != nullptr && !flags.has("--by-label"))
    given = tar->folders();
  const std::vector<std::string> folders = unpack_folders(given, source.classes(), path);
  const std::uint32_t there = unpack(source, folders, target);
  out << source.size() << " pictures of " << source.classes() << " identities: " << target;
  if (there > 0) out << " (" << there << " were there already)";
  out << "\n";
}

}  // namespace

Command unpack_command() {
  return {"unpack",
          "Write a packed data set's pictures into a folder for each identity; a run cut short is continued",
          {{{"FILE"}, "", "FILE.lmdb, a tar index (.json) or train.rec", true},
           {{"--out", "-o"}, "DIR", "folder for DIR/IDENTITY/NUMBER.jpg", true},
           {{"--by-label"}, "", "number the folders even where the file names the identities"}},
          run};
}

}  // namespace facetrain
