#include "dataservice/source/make_source.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <utility>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/io/path.hpp"
#include "dataservice/source/joined_source.hpp"
#include "dataservice/source/picture_list.hpp"
#include "dataservice/source/selected_source.hpp"
#include "dataservice/source/stage.hpp"

namespace facetrain {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kConfig, why);
}

OpenedSource open_one(const std::string& path, const std::string& stage) {
  return stage.empty() ? open_source(path) : open_staged(path, stage);
}

OpenedSource open_all(const std::vector<std::string>& paths, const std::string& stage) {
  if (paths.size() == 1) return open_one(paths[0], stage);
  OpenedSource all;
  std::vector<JoinedSource::Part> parts;
  for (const std::string& path : paths) {
    OpenedSource one = open_one(path, stage);
    std::move(one.warnings.begin(), one.warnings.end(), std::back_inserter(all.warnings));
    parts.push_back({path, std::move(one.source)});
  }
  all.source = std::make_unique<JoinedSource>(std::move(parts));
  return all;
}

// An embedding job keeps the order of a list, and takes all of a folder; other kinds have an order of their
// own (an LMDB may be a folder).
bool is_picture_list(std::string_view path) {
  path = without_trailing_slashes(path);
  if (path.ends_with(".txt")) return true;
  std::error_code unknown;
  return kind_of_source(path) == nullptr && std::filesystem::is_directory(path, unknown);
}

}  // namespace

OpenedSource make_source(const Config& config, Copies copies) {
  const auto& paths = config.data.train_source;
  if (paths.empty() || std::find(paths.begin(), paths.end(), "") != paths.end())
    refuse("data.train_source is not set: give a list (facetrain list -s FOLDER writes one) or a folder");
  if (is_embedding(config) && is_picture_list(paths[0])) return {std::make_unique<PictureList>(paths[0]), {}};
  return select_samples(open_all(paths, copies == Copies::kStaged ? config.data.stage : ""), config);
}

}  // namespace facetrain
