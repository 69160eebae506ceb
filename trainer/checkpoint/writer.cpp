#include "trainer/checkpoint/writer.hpp"

#include <exception>
#include <filesystem>
#include <utility>

#include "common/checkpoint/folders.hpp"
#include "common/checkpoint/rank_file.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"

namespace facetrain {

struct CheckpointWriter::Place {
  std::string folder;
  std::uint64_t nonce = 0;
  std::int64_t keep = 0;
  MpiComm trainers;
  StorageRule storage;
  std::function<void(std::int64_t)> before_write;

  std::string unfinished(std::int64_t updates) const {
    return folder + "/" + unfinished_name(updates, nonce);
  }
  std::string write(const Manifest& header, const CheckpointImage& image) const;
  void publish(const Manifest& header, const std::vector<std::string>& files) const;
};

namespace {

namespace fs = std::filesystem;

void create_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Error(ErrorKind::kIo, "create " + path + ": " + error.message());
}

// The failure of `action` as a text; "" when there is none.
template <class Action>
std::string failure_of(const Action& action) {
  try {
    action();
    return "";
  } catch (...) {
    const std::string text = current_failure().text;
    return text.empty() ? "unknown failure" : text;
  }
}

// The run's class map, if it has one: a link where that is possible, since the data service replaces the file
// and does not change it.
void add_class_map(const fs::path& checkpoints, const fs::path& checkpoint) {
  const fs::path map = checkpoints.parent_path() / kClassMapName, own = checkpoint / kClassMapName;
  std::error_code error;
  if (!fs::exists(map, error)) return;
  fs::create_hard_link(map, own, error);
  if (error) write_file_atomically(own.string(), read_file(map.string()));
}

// Every rank has written its file and read it back; here the first rank looks for all of them.
void require_rank_files(const std::string& checkpoint, std::size_t ranks) {
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const std::string path = checkpoint + "/" + rank_file_name(rank);
    std::error_code error;
    if (!fs::exists(path, error))
      throw Error(ErrorKind::kIo,
                  path + ", which trainer " + std::to_string(rank) +
                      " wrote, is not to be seen by trainer 0: run.work_path must be one folder "
                      "that all nodes share");
  }
}

}  // namespace

// All ranks together; each returns the same.
std::string CheckpointWriter::Place::write(const Manifest& header, const CheckpointImage& image) const {
  const std::string temporary = unfinished(header.position.updates);
  std::string entry;
  const std::string failure = failure_of([&] {
    const TimeLimit watched(storage.of("writing " + temporary));
    before_write(header.position.updates);
    create_folder(temporary);
    SavedFile file;
    file.bytes = image.bytes.size();
    file.checksums = write_rank_file(
        temporary + "/" + rank_file_name(static_cast<std::size_t>(trainers.rank())), image.bytes);
    file.tensors = image.tensors;
    entry = print_file(file);
  });
  // A rank's entry, or with a mark that no entry begins with, why there is none.
  const std::vector<std::string> all = all_gather_texts(trainers, failure.empty() ? entry : "!" + failure);
  std::string first;
  for (const std::string& text : all)
    if (first.empty() && text.starts_with('!')) first = text.substr(1);
  if (trainers.rank() == 0) {
    if (first.empty()) first = failure_of([&] { publish(header, all); });
    std::error_code stays;
    if (!first.empty()) fs::remove_all(temporary, stays);
  }
  return broadcast_text(trainers, first);
}

// The first rank's part.
void CheckpointWriter::Place::publish(const Manifest& header, const std::vector<std::string>& files) const {
  const std::int64_t updates = header.position.updates;
  const std::string temporary = unfinished(updates), final = folder + "/" + checkpoint_name(updates);
  const TimeLimit watched(storage.of("writing " + final));
  require_rank_files(temporary, files.size());
  add_class_map(folder, temporary);
  write_file_atomically(temporary + "/" + kManifestName, print_manifest(header, files));
  std::error_code error;
  fs::remove_all(final, error);  // one that was damaged, and that the run has gone back behind
  rename_folder(temporary, final);
  remove_later(folder, updates);
  retain_checkpoints(folder, keep);
}

CheckpointWriter::CheckpointWriter(std::string folder, std::uint64_t nonce, std::int64_t keep,
                                   MpiComm trainers, StorageRule storage,
                                   std::function<void(std::int64_t)> before_write)
    : exceptions_at_birth_(std::uncaught_exceptions()) {
  std::string failure;
  if (trainers.rank() == 0)
    failure = failure_of([&] {
      create_folder(folder);
      remove_unfinished(folder);
    });
  // The others wait: what they write next must not be taken for an earlier job's.
  failure = broadcast_text(trainers, std::move(failure));
  if (!failure.empty()) throw Error(ErrorKind::kIo, failure);
  place_ = std::make_shared<const Place>(Place{std::move(folder), nonce, keep, std::move(trainers),
                                               std::move(storage), std::move(before_write)});
}

CheckpointWriter::~CheckpointWriter() {
  if (!thread_.joinable()) return;
  if (std::uncaught_exceptions() > exceptions_at_birth_) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void CheckpointWriter::write(Manifest header, CheckpointImage image) {
  std::packaged_task<std::string()> task([place = place_, header = std::move(header),
                                          image = std::move(image)] { return place->write(header, image); });
  outcome_ = task.get_future();
  thread_ = std::thread(std::move(task));
}

std::string CheckpointWriter::finish() {
  if (!thread_.joinable()) return "";
  std::string outcome = outcome_.get();
  thread_.join();
  return outcome;
}

}  // namespace facetrain
