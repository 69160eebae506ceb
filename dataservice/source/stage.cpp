#include "dataservice/source/stage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>

#include "common/check/host_memory.hpp"
#include "common/error.hpp"
#include "common/fnv.hpp"
#include "common/formatted.hpp"
#include "common/io/file.hpp"
#include "common/io/path.hpp"
#include "common/ipc/memory_limit.hpp"
#include "dataservice/source/kept_index.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr long kTmpfs = 0x01021994;                   // TMPFS_MAGIC of linux/magic.h
constexpr std::uint64_t kReserve = 64 * 1024 * 1024;  // bytes left free beside a copy
constexpr const char* kComplete = "complete";         // written last: what the copy was made from

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::kIo, with_errno(what, errno));
}

// A line a file: size, time, path.
std::string description(const std::vector<PackedFile>& files) {
  std::string text;
  for (const PackedFile& file : files) text += file_state(file.path) + " " + file.path + "\n";
  return text;
}

std::uint64_t size_of(const std::string& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) throw Error(ErrorKind::kInput, "stat " + file + ": " + error.message());
  return size;
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

bool is_complete(const std::string& folder, const std::string& wanted, const std::vector<PackedFile>& files) {
  std::error_code missing;
  if (!fs::exists(fs::path(folder) / kComplete, missing)) return false;
  const std::vector<std::byte> bytes = read_file(folder + "/" + kComplete);
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) != wanted) return false;
  return std::all_of(files.begin(), files.end(), [&](const PackedFile& file) {
    std::error_code none;
    return fs::file_size(folder + "/" + file.copied_as, none) == size_of(file.path) && !none;
  });
}

std::string gigabytes(std::uint64_t bytes) {
  return formatted("%.2f GB", static_cast<double>(bytes) / 1e9);
}

Staged make_copy(const std::string& path, const std::string& folder, const SourceKind& kind) {
  std::vector<PackedFile> files = kind.files(path);
  const auto described = [&] {  // an index that is not copied but made anew for the copy counts too
    return description(files) + (kind.write_copy == nullptr ? "" : file_state(path) + " " + path + "\n");
  };
  const std::string wanted = described();
  const std::string digest = hex(fnv1a_64(fs::absolute(path).lexically_normal().string()));
  const std::string place = (fs::path(folder) / ("facetrain-" + digest)).lexically_normal();
  fs::create_directories(folder);
  if (mkdir(place.c_str(), 0700) != 0 && errno != EEXIST) fail("create " + place);
  // What is there already may be of somebody else, who could put other pictures there, or have it lead to a
  // folder of ours that would then be emptied.
  struct stat status {};
  if (lstat(place.c_str(), &status) != 0) fail("stat " + place);
  if (!S_ISDIR(status.st_mode)) throw Error(ErrorKind::kIo, place + " is no folder");
  if (status.st_uid != geteuid()) throw Error(ErrorKind::kIo, place + " belongs to another user");
  Fd lock(open((place + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) fail("create " + place + "/lock");
  while (flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) fail("lock " + place + "/lock");

  const std::string copy = place + "/" + std::string(kind.copy);
  if (is_complete(place, wanted, files))
    return {copy, path + ": the copy in " + place + " is read", true, std::move(lock), std::move(files)};
  fs::remove(place + "/" + kComplete);
  for (const auto& entry : fs::directory_iterator(place))
    if (entry.path().filename() != "lock") fs::remove(entry.path());

  std::uint64_t need = 0;
  for (const PackedFile& file : files) need += size_of(file.path);
  if (const std::uint64_t room = free_bytes(place); need + kReserve > room)
    return {path,
            "WARNING: data.stage " + folder + " has room for " + gigabytes(room) + ", " + path + " takes " +
                gigabytes(need) + ": it is read where it is, which may be slow",
            false,
            {},
            {}};
  try {
    for (const PackedFile& file : files) copy_file(file.path, place + "/" + file.copied_as);
    if (kind.write_copy != nullptr) kind.write_copy(path, copy);
    if (described() != wanted) throw Error(ErrorKind::kInput, path + " changed while it was copied");
    write_file_atomically(place + "/" + kComplete, wanted);
  } catch (...) {
    for (const PackedFile& file : files) {
      std::error_code none;
      fs::remove(place + "/" + file.copied_as, none);  // give the room back
    }
    throw;
  }
  return {copy, path + ": copied to " + place + " (" + gigabytes(need) + ")", true, std::move(lock),
          std::move(files)};
}

// The copy under the original's names, which are what a user knows.
class StagedSource final : public Source {
 public:
  StagedSource(std::unique_ptr<Source> copy, const Staged& staged) : copy_(std::move(copy)) {
    const fs::path folder = fs::path(staged.path).parent_path();
    for (const PackedFile& file : staged.files)
      names_.emplace_back((folder / file.copied_as).string(), file.path);
  }

  std::uint32_t size() const override { return copy_->size(); }
  std::uint32_t classes() const override { return copy_->classes(); }
  std::int64_t label(std::uint32_t i) const override { return copy_->label(i); }
  std::string name(std::uint32_t i) const override {
    std::string name = copy_->name(i);
    for (const auto& [copied, original] : names_)
      if (name.starts_with(copied + ":")) return original + name.substr(copied.size());
    return name;
  }
  // It is the copy that is read.
  std::string place(std::uint32_t i) const override { return copy_->place(i); }
  // Places in the files, which a copy keeps: a run may go on from a copy, the original, or some nodes from
  // each.
  std::uint64_t fingerprint(std::uint32_t i) const override { return copy_->fingerprint(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override { copy_->read(i, buffer); }
  void will_need(std::uint32_t first, std::uint32_t count) const override { copy_->will_need(first, count); }
  void read_at_random() override { copy_->read_at_random(); }

 private:
  std::unique_ptr<Source> copy_;
  std::vector<std::pair<std::string, std::string>> names_;  // of a file: the copy's path, the original's
};

}  // namespace

Staged stage_source(const std::string& path, const std::string& folder) {
  const SourceKind* const kind = kind_of_source(path);
  if (kind == nullptr || kind->files == nullptr)
    return {path,
            "WARNING: data.stage copies packed sources only; " + path +
                " is read where it is (facetrain pack packs it)",
            false,
            {},
            {}};
  std::string why;
  try {
    return make_copy(std::string(without_trailing_slashes(path)), folder, *kind);
  } catch (const Error& error) {
    why = error.what();
  } catch (const fs::filesystem_error& error) {
    why = error.what();
  }
  return {
      path,
      "WARNING: data.stage cannot be used (" + why + "): " + path + " is read where it is, which may be slow",
      false,
      {},
      {}};
}

OpenedSource open_staged(const std::string& path, const std::string& folder) {
  const Staged staged = stage_source(path, folder);
  OpenedSource opened = open_source(staged.path);
  if (staged.is_copy) opened.source = std::make_unique<StagedSource>(std::move(opened.source), staged);
  opened.warnings.insert(opened.warnings.begin(), staged.note);
  return opened;
}

}  // namespace facetrain
