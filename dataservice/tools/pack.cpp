// facetrain pack: pictures in one file (LMDB in the reference's layout) or a few (tar shards). See
// pack/pack.hpp.
#include <ostream>

#include "common/error.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/tools/command.hpp"

namespace facetrain {
namespace {

void run(const Flags& flags, std::ostream& out) {
  const std::string target = flags.text("--out");
  const bool lmdb = target.ends_with(".lmdb");
  if (!lmdb && !target.ends_with(".json"))
    throw Error(ErrorKind::kConfig,
                "pack: --out " + target + ": its ending names the format: .lmdb, or .json for tar shards");
  if (lmdb && flags.has("--shard"))
    throw Error(ErrorKind::kConfig,
                "pack: --shard is for tar shards (--out INDEX.json); an LMDB is one file");
  PackLimits limits;
  limits.shard = static_cast<std::uint32_t>(flags.integer("--shard", limits.shard, 1, 1 << 30));
  const OpenedSource opened = open_source(flags.text("--source"));
  const Source& source = *opened.source;
  for (const std::string& warning : opened.warnings) out << warning << "\n";
  const PackReport report =
      lmdb ? pack_lmdb(source, target, limits) : pack_webdataset(source, target, limits);
  out << source.size() << " pictures of " << source.classes() << " identities: " << target;
  if (report.was_there)
    out << " (was there already, packed from the same source)";
  else if (report.continued_at > 0)
    out << " (continued after " << report.continued_at << "; all read back and compared)";
  else
    out << " (all read back and compared)";
  out << "\n";
}

}  // namespace

Command pack_command() {
  return {"pack",
          "Put the pictures of a list into one LMDB file, as the reference's tool does; a run cut short is "
          "continued",
          {{{"--source", "-s"},
            "SOURCE",
            "the training list (facetrain list writes one), or any other source",
            true},
           {{"--out", "-o"},
            "FILE",
            "FILE.lmdb: LMDB in the reference's layout; FILE.json: tar shards with a wids index. Name it in "
            "data.train_source",
            true},
           {{"--shard"}, "N", "pictures in a tar shard (default: 10000)"}},
          run};
}

}  // namespace facetrain
