#include "dataservice/source/make_source.hpp"

#include <string_view>

#include "common/error.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/lmdb_source.hpp"

namespace facetrain {
namespace {

OpenedSource open_list(const std::string& path) {
  auto list = std::make_unique<ListSource>(path);
  auto warnings = list->warnings();
  return {std::move(list), std::move(warnings)};
}

OpenedSource open_lmdb(const std::string& path) {
  return {std::make_unique<LmdbSource>(path), {}};
}

struct Kind {
  std::string_view extension;
  OpenedSource (*open)(const std::string& path);
};

constexpr Kind kKinds[] = {
    {".txt", open_list},
    {".lmdb", open_lmdb},
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kConfig, why);
}

}  // namespace

OpenedSource make_source(const Config& config) {
  const auto& paths = config.data.train_source;
  if (paths.empty() || paths[0].empty())
    refuse("data.train_source is not set: give a list (facetrain list -s FOLDER writes one)");
  if (paths.size() > 1) refuse("data.train_source: several sources at once are not supported yet");
  if (!config.data.mask.empty()) refuse("data.mask is not supported yet");
  if (!config.data.label_map.empty()) refuse("data.label_map is not supported yet");
  if (config.data.fixed_size != 0) refuse("data.fixed_size is not supported yet");
  std::string known;
  for (const Kind& kind : kKinds) {
    if (paths[0].ends_with(kind.extension)) return kind.open(paths[0]);
    known += (known.empty() ? "" : ", ") + std::string(kind.extension);
  }
  refuse("data.train_source " + paths[0] + ": its kind is not known by its ending (" + known + ")");
}

}  // namespace facetrain
