#include "dataservice/source/make_source.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <utility>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/io/path.hpp"
#include "dataservice/source/class_limit.hpp"
#include "dataservice/source/folder_source.hpp"
#include "dataservice/source/joined_source.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/listed_records.hpp"
#include "dataservice/source/lmdb_source.hpp"
#include "dataservice/source/picture_list.hpp"
#include "dataservice/source/record_source.hpp"
#include "dataservice/source/selected_source.hpp"
#include "dataservice/source/webdataset_source.hpp"

namespace facetrain {
namespace {

OpenedSource opened(ListSource list) {
  auto warnings = list.warnings();
  return {std::make_unique<ListSource>(std::move(list)), std::move(warnings)};
}

OpenedSource open_list(const std::string& path) {
  return opened(ListSource(path));
}

template <class Packed>
OpenedSource open_packed(const std::string& path) {
  return {std::make_unique<Packed>(path), {}};
}

// InsightFace's train.rec, or DCFace's file.rec, whose identities are in list.txt beside it.
OpenedSource open_records(const std::string& path) {
  const std::string list = record_list_of(path);
  if (list.empty()) return open_packed<RecordSource>(path);
  return {std::make_unique<ListedRecords>(RecordSource(path), list), {}};
}

struct Kind {
  std::string_view extension;
  OpenedSource (*open)(const std::string& path);
};

constexpr Kind kKinds[] = {
    {".txt", open_list},
    {".lmdb", open_packed<LmdbSource>},
    {".json", open_packed<WebDatasetSource>},
    {".rec", open_records},
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kConfig, why);
}

OpenedSource open_all(const std::vector<std::string>& paths) {
  if (paths.size() == 1) return open_source(paths[0]);
  OpenedSource all;
  std::vector<JoinedSource::Part> parts;
  for (const std::string& path : paths) {
    OpenedSource one = open_source(path);
    std::move(one.warnings.begin(), one.warnings.end(), std::back_inserter(all.warnings));
    parts.push_back({path, std::move(one.source)});
  }
  all.source = std::make_unique<JoinedSource>(std::move(parts));
  return all;
}

}  // namespace

OpenedSource open_source(const std::string& path) {
  const std::string_view name = without_trailing_slashes(path);  // an LMDB may be a folder
  std::string known;
  for (const Kind& kind : kKinds) {
    if (name.ends_with(kind.extension)) {
      OpenedSource source = kind.open(path);
      check_classes(source.source->classes(), path);
      return source;
    }
    known += (known.empty() ? "" : ", ") + std::string(kind.extension);
  }
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) return opened(open_folder(path));
  refuse("data.train_source " + path + ": it is no folder, and its kind is not known by its ending (" +
         known + ")");
}

namespace {

// An embedding job keeps the order of a list, and takes all of a folder; other kinds have an order of their
// own (an LMDB may be a folder).
bool is_picture_list(std::string_view path) {
  path = without_trailing_slashes(path);
  if (path.ends_with(".txt")) return true;
  std::error_code unknown;
  return std::filesystem::is_directory(path, unknown) &&
         std::none_of(std::begin(kKinds), std::end(kKinds),
                      [&](const Kind& kind) { return path.ends_with(kind.extension); });
}

}  // namespace

OpenedSource make_source(const Config& config) {
  const auto& paths = config.data.train_source;
  if (paths.empty() || std::find(paths.begin(), paths.end(), "") != paths.end())
    refuse("data.train_source is not set: give a list (facetrain list -s FOLDER writes one) or a folder");
  if (is_embedding(config) && is_picture_list(paths[0])) return {std::make_unique<PictureList>(paths[0]), {}};
  return select_samples(open_all(paths), config);
}

}  // namespace facetrain
