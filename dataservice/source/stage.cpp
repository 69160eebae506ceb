#include "dataservice/source/stage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "common/check/host_memory.hpp"
#include "common/error.hpp"
#include "common/fnv.hpp"
#include "common/io/file.hpp"
#include "common/io/path.hpp"
#include "common/ipc/fd.hpp"
#include "common/ipc/memory_limit.hpp"
#include "dataservice/source/listed_records.hpp"
#include "dataservice/source/wids_index.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr long kTmpfs = 0x01021994;                   // TMPFS_MAGIC of linux/magic.h
constexpr std::uint64_t kReserve = 64 * 1024 * 1024;  // bytes left free beside a copy
constexpr const char* kComplete = "complete";         // written last: what the copy was made from

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::kIo, with_errno(what, errno));
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) throw Error(ErrorKind::kInput, with_errno("stat " + path, errno));
  return status;
}

// Name of the copy of the k-th file: its own, which must end alike; shards of different folders may share
// one.
std::string copy_name(const std::string& file, std::size_t k) {
  return std::to_string(k) + "-" + fs::path(file).filename().string();
}

// A line a file: size, time, path.
std::string description(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& file : files) {
    const struct stat status = status_of(file);
    text += std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
            std::to_string(status.st_mtim.tv_nsec) + " " + file + "\n";
  }
  return text;
}

std::uint64_t free_bytes(const std::string& folder) {
  struct statfs status {};
  if (statfs(folder.c_str(), &status) != 0) fail("look at " + folder);
  const std::uint64_t room = free_space(folder);
  return status.f_type == kTmpfs ? std::min(room, memory_headroom().bytes()) : room;
}

void copy_file(const std::string& from, const std::string& to) {
  const Fd in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() < 0) fail("open " + from);
  const Fd out(open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (out.get() < 0) fail("create " + to);
  posix_fadvise(in.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  std::vector<char> buffer(4 * 1024 * 1024);
  while (true) {
    const ssize_t got = read(in.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read " + from);
    if (got == 0) break;
    for (ssize_t put = 0; put < got;) {
      const ssize_t n = write(out.get(), buffer.data() + put, static_cast<std::size_t>(got - put));
      if (n < 0 && errno != EINTR) fail("write " + to);
      if (n > 0) put += n;
    }
  }
  if (fsync(out.get()) != 0) fail("sync " + to);
}

bool is_complete(const std::string& folder, const std::string& wanted,
                 const std::vector<std::string>& files) {
  std::error_code missing;
  if (!fs::exists(fs::path(folder) / kComplete, missing)) return false;
  const std::vector<std::byte> bytes = read_file(folder + "/" + kComplete);
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) != wanted) return false;
  for (std::size_t k = 0; k < files.size(); ++k) {
    const std::string copy = folder + "/" + copy_name(files[k], k);
    std::error_code none;
    if (fs::file_size(copy, none) != static_cast<std::uintmax_t>(status_of(files[k]).st_size) || none)
      return false;
  }
  return true;
}

// What opens the copy. An index names its shards, so the copy has one of its own; the others find the files
// that belong to them by name.
std::string copy_path(const std::string& path, const std::string& folder) {
  if (path.ends_with(".json")) return folder + "/index.json";
  if (path.ends_with(".rec")) return folder + "/source.rec";
  return folder + "/source.lmdb";
}

// Beside the numbered copies, the names under which a source is opened.
void give_names(const std::string& path, const std::string& folder, const std::vector<std::string>& files) {
  const auto link = [&](std::size_t k, const std::string& name) {
    std::error_code none;
    fs::remove(folder + "/" + name, none);
    fs::create_symlink(copy_name(files[k], k), folder + "/" + name);
  };
  if (path.ends_with(".json")) {
    WidsIndex index = read_wids_index(path);
    for (std::size_t k = 0; k < index.shards.size(); ++k)
      index.shards[k].path = copy_name(index.shards[k].path, k);
    write_file_atomically(folder + "/index.json", format_wids_index(index));
    if (files.size() > index.shards.size()) link(index.shards.size(), "dataset_info.txt");
  } else if (path.ends_with(".rec")) {
    link(0, "source.rec");
    link(1, "source.idx");
    if (files.size() > 2) link(2, "list.txt");
  } else {
    link(0, "source.lmdb");
  }
}

std::string gigabytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

Staged make_copy(const std::string& path, const std::string& folder, const std::vector<std::string>& files) {
  const std::string wanted = description(files);
  char digest[24];
  std::snprintf(digest, sizeof digest, "%016llx",
                static_cast<unsigned long long>(fnv1a_64(fs::absolute(path).lexically_normal().string())));
  const std::string place = folder + "/facetrain-" + digest;
  fs::create_directories(folder);
  if (mkdir(place.c_str(), 0700) != 0 && errno != EEXIST) fail("create " + place);
  // What is there already may be of somebody else, who could put other pictures there, or have it lead to a
  // folder of ours that would then be emptied.
  struct stat status {};
  if (lstat(place.c_str(), &status) != 0) fail("stat " + place);
  if (!S_ISDIR(status.st_mode)) throw Error(ErrorKind::kIo, place + " is no folder");
  if (status.st_uid != geteuid()) throw Error(ErrorKind::kIo, place + " belongs to another user");
  const Fd lock(open((place + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) fail("create " + place + "/lock");
  while (flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) fail("lock " + place + "/lock");

  if (is_complete(place, wanted, files))
    return {copy_path(path, place), path + ": the copy in " + place + " is read", true};
  fs::remove(place + "/" + kComplete);
  for (const auto& entry : fs::directory_iterator(place))
    if (entry.path().filename() != "lock") fs::remove(entry.path());

  std::uint64_t need = 0;
  for (const std::string& file : files) need += static_cast<std::uint64_t>(status_of(file).st_size);
  if (const std::uint64_t room = free_bytes(place); need + kReserve > room)
    return {path,
            "WARNING: data.stage " + folder + " has room for " + gigabytes(room) + ", " + path + " takes " +
                gigabytes(need) + ": it is read where it is, which may be slow",
            false};
  try {
    for (std::size_t k = 0; k < files.size(); ++k) copy_file(files[k], place + "/" + copy_name(files[k], k));
    give_names(path, place, files);
    if (description(files) != wanted) throw Error(ErrorKind::kInput, path + " changed while it was copied");
    write_file_atomically(place + "/" + kComplete, wanted);
  } catch (...) {
    for (std::size_t k = 0; k < files.size(); ++k) {
      std::error_code none;
      fs::remove(place + "/" + copy_name(files[k], k), none);  // give the room back
    }
    throw;
  }
  return {copy_path(path, place), path + ": copied to " + place + " (" + gigabytes(need) + ")", true};
}

}  // namespace

std::vector<std::string> packed_files(const std::string& path) {
  std::error_code missing;
  const std::string name(without_trailing_slashes(path));
  const auto add_if_there = [&](std::vector<std::string>& files, const std::string& file) {
    if (fs::is_regular_file(file, missing)) files.push_back(file);
  };
  if (name.ends_with(".lmdb")) return {fs::is_directory(name, missing) ? name + "/data.mdb" : name};
  std::vector<std::string> files;
  if (name.ends_with(".json")) {
    for (const WidsIndex::Shard& shard : read_wids_index(name).shards) files.push_back(shard.path);
    add_if_there(files, (fs::path(name).parent_path() / "dataset_info.txt").string());
  } else if (name.ends_with(".rec")) {
    files = {name, name.substr(0, name.size() - 4) + ".idx"};
    if (const std::string list = record_list_of(name); !list.empty()) files.push_back(list);
  }
  return files;
}

Staged stage_source(const std::string& path, const std::string& folder) {
  const std::vector<std::string> files = packed_files(path);
  if (files.empty())
    return {path,
            "WARNING: data.stage copies packed sources only; " + path +
                " is read where it is (facetrain pack packs it)",
            false};
  const std::string name(without_trailing_slashes(path));
  std::string why;
  try {
    return make_copy(name, folder, files);
  } catch (const Error& error) {
    why = error.what();
  } catch (const fs::filesystem_error& error) {
    why = error.what();
  }
  return {
      path,
      "WARNING: data.stage cannot be used (" + why + "): " + path + " is read where it is, which may be slow",
      false};
}

Config staged_config(Config config, std::vector<std::string>& lines) {
  if (config.data.stage.empty()) return config;
  for (std::string& path : config.data.train_source) {
    Staged staged = stage_source(path, config.data.stage);
    path = std::move(staged.path);
    lines.push_back(std::move(staged.note));
  }
  return config;
}

}  // namespace facetrain
