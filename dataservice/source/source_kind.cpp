#include "dataservice/source/source_kind.hpp"

#include <filesystem>
#include <utility>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/io/path.hpp"
#include "dataservice/source/class_limit.hpp"
#include "dataservice/source/folder_source.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/listed_records.hpp"
#include "dataservice/source/lmdb_source.hpp"
#include "dataservice/source/record_source.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "dataservice/source/wids_index.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

template <class Kind>
OpenedSource opened(Kind source) {
  auto warnings = source.warnings();
  return {std::make_unique<Kind>(std::move(source)), std::move(warnings)};
}

template <class Kind>
OpenedSource open_as(const std::string& path) {
  return opened(Kind(path));
}

// InsightFace's train.rec, or DCFace's file.rec, whose identities are in list.txt beside it.
OpenedSource open_records(const std::string& path) {
  const std::string list = record_list_of(path);
  return list.empty() ? open_as<RecordSource>(path) : opened(ListedRecords(RecordSource(path), list));
}

std::vector<PackedFile> lmdb_files(const std::string& path) {
  return {{lmdb_data_file(path), "source.lmdb"}};
}

std::vector<PackedFile> record_files(const std::string& path) {
  std::vector<PackedFile> files = {{path, "source.rec"}, {record_index_of(path), "source.idx"}};
  if (const std::string list = record_list_of(path); !list.empty()) files.push_back({list, "list.txt"});
  return files;
}

// Shards of different folders may share a name.
std::string shard_copy(const std::string& shard, std::size_t number) {
  return std::to_string(number) + "-" + fs::path(shard).filename().string();
}

std::vector<PackedFile> shard_files(const std::string& path) {
  std::vector<PackedFile> files;
  for (const WidsIndex::Shard& shard : read_wids_index(path).shards)
    files.push_back({shard.path, shard_copy(shard.path, files.size())});
  const std::string info = class_number_file(path);
  std::error_code missing;
  if (fs::is_regular_file(info, missing)) files.push_back({info, fs::path(info).filename().string()});
  return files;
}

// With the names of the copied shards.
void write_shard_index(const std::string& path, const std::string& copy) {
  WidsIndex index = read_wids_index(path);
  for (std::size_t k = 0; k < index.shards.size(); ++k)
    index.shards[k].path = shard_copy(index.shards[k].path, k);
  write_file_atomically(copy, format_wids_index(index));
}

constexpr SourceKind kKinds[] = {
    {".txt", open_as<ListSource>, nullptr, "", nullptr},
    {".lmdb", open_as<LmdbSource>, lmdb_files, "source.lmdb", nullptr},
    {".json", open_as<WebDatasetSource>, shard_files, "index.json", write_shard_index},
    {".rec", open_records, record_files, "source.rec", nullptr},
};

}  // namespace

const SourceKind* kind_of_source(std::string_view path) {
  path = without_trailing_slashes(path);  // an LMDB may be a folder
  for (const SourceKind& kind : kKinds)
    if (path.ends_with(kind.ending)) return &kind;
  return nullptr;
}

OpenedSource open_source(const std::string& path) {
  if (const SourceKind* const kind = kind_of_source(path)) {
    OpenedSource source = kind->open(path);
    check_classes(source.source->classes(), path);
    return source;
  }
  std::error_code none;
  if (fs::is_directory(path, none)) return opened(open_folder(path));
  std::string known;
  for (const SourceKind& kind : kKinds) known += (known.empty() ? "" : ", ") + std::string(kind.ending);
  throw Error(ErrorKind::kConfig, "data.train_source " + path +
                                      ": it is no folder, and its kind is not known by its ending (" + known +
                                      ")");
}

}  // namespace facetrain
