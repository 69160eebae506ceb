#include <filesystem>

#include "common/error.hpp"
#include "dataservice/pack/lmdb_writer.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/pack/steps.hpp"
#include "dataservice/source/lmdb_source.hpp"
#include "dataservice/source/msgpack.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

// How many pictures of the source with this digest an unfinished file holds: the records 0, 1, ... and what
// this program noted beside them. 0 when it is anything else.
std::uint32_t pictures_in(const std::string& work, std::uint64_t digest) {
  try {
    const LmdbFile file(work);
    std::uint64_t largest = 0, numbered = 0;
    std::vector<std::byte> note;
    file.for_each([&](std::string_view key, const LmdbFile::Value& value) {
      if (key == LmdbPackRecord::kKey) {
        file.read(value, note);
      } else if (!key.starts_with("__")) {
        largest = std::max<std::uint64_t>(largest, std::stoull(std::string(key)));
        ++numbered;
      }
    });
    const LmdbPackRecord record = LmdbPackRecord::decode(note, work);
    const bool whole = record.digest == digest && record.pictures == numbered && numbered == largest + 1;
    return whole ? record.pictures : 0;
  } catch (const std::exception&) {  // damaged, or not ours
    return 0;
  }
}

void put_pictures(LmdbWriter& writer, const Source& source, std::uint32_t first,
                  const std::vector<std::vector<std::byte>>& pictures, std::uint64_t digest) {
  std::uint64_t bytes = 0;
  for (const auto& picture : pictures) bytes += picture.size();
  writer.reserve(pictures.size() + 1, bytes);
  std::string value;
  for (std::size_t k = 0; k < pictures.size(); ++k) {
    const auto i = first + static_cast<std::uint32_t>(k);
    value.clear();
    msgpack_array(value, 2);
    msgpack_raw(value, {reinterpret_cast<const char*>(pictures[k].data()), pictures[k].size()});
    msgpack_integer(value, static_cast<std::uint64_t>(source.label(i)));
    writer.put(std::to_string(i), value);
  }
  writer.put(LmdbPackRecord::kKey,
             LmdbPackRecord{digest, first + static_cast<std::uint32_t>(pictures.size()), {}}.encode());
}

void put_index(LmdbWriter& writer, const Source& source, std::uint64_t digest) {
  std::string keys, size, classes;
  msgpack_array(keys, source.size());
  LmdbPackRecord record{digest, source.size(), {}};
  for (std::uint32_t i = 0; i < source.size(); ++i) {
    msgpack_raw(keys, std::to_string(i));
    record.labels.push_back(static_cast<std::uint32_t>(source.label(i)));
  }
  msgpack_integer(size, source.size());
  msgpack_integer(classes, source.classes());
  const std::string note = record.encode();
  writer.reserve(4, keys.size() + note.size());
  writer.put("__keys__", keys);
  writer.put("__len__", size);
  writer.put("__classnum__", classes);
  writer.put(LmdbPackRecord::kKey, note);
  writer.commit();
}

}  // namespace

PackReport pack_lmdb(const Source& source, const std::string& file, const PackLimits& limits) {
  const std::uint64_t digest = source_digest(source);
  std::error_code error;
  const auto is_there = [&] {
    if (!fs::exists(file, error)) return false;
    if (LmdbSource(file).digest() == digest) return true;
    throw Error(ErrorKind::kInput,
                "pack: " + file + " exists and holds something else; remove it or name another file");
  };
  if (is_there()) return {source.size(), true};
  const std::string work = file + ".packing";
  const Fd lock = lock_work(work);
  if (is_there()) {  // another run finished it meanwhile
    fs::remove(work, error);
    return {source.size(), true};
  }
  PackReport report{pictures_in(work, digest), false};
  if (report.continued_at == 0) fs::resize_file(work, 0);

  std::vector<Fingerprint> written(source.size() - report.continued_at);
  {
    LmdbWriter writer(work);
    std::vector<std::vector<std::byte>> pictures;
    for (std::uint32_t first = report.continued_at; first < source.size();) {
      pictures.resize(std::min(limits.block, source.size() - first));
      try {
        read_block(source, first, pictures);
      } catch (const Error&) {  // what is there already need not be read again
        writer.commit();
        throw;
      }
      put_pictures(writer, source, first, pictures, digest);
      for (const auto& picture : pictures) written[first++ - report.continued_at] = fingerprint(picture);
      if (writer.uncommitted() >= limits.commit) writer.commit();
    }
    put_index(writer, source, digest);
  }
  try {
    compare(source, LmdbSource(work), report.continued_at, written);
  } catch (const Error&) {  // not to be continued
    fs::remove(work, error);
    throw;
  }
  finish(work, file);
  return report;
}

}  // namespace facetrain
