#include "dataservice/serve/bad_pictures.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/error.hpp"

namespace facetrain {

BadPictures::BadPictures(std::string list_path, std::uint64_t allowed, bool goes_on)
    : list_path_(std::move(list_path)), limit_(allowed) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(list_path_, none)) return;  // or a device such as /dev/null
  if (goes_on) {
    std::ifstream list(list_path_);
    for (std::string line; std::getline(list, line);) listed_.insert(line);
  } else {
    std::filesystem::remove(list_path_, none);
  }
}

void BadPictures::add(std::uint32_t id, const std::string& path, const std::string& reason,
                      std::optional<std::uint32_t> epoch) {
  const std::lock_guard lock(mutex_);
  // The worker threads that come after the one too many say what it said.
  if (too_many_ > 0) throw too_many();
  if (ids_.insert(id).second) list(path, reason);
  if (!epoch) return;
  const std::uint64_t bad = ++of_epoch_[*epoch];
  if (bad <= limit_) return;
  too_many_ = bad;
  throw too_many();
}

void BadPictures::list(const std::string& path, const std::string& reason) {
  if (ids_.size() <= 3) first_ += (first_.empty() ? "" : "; ") + reason;
  if (const std::string line = path + '\t' + reason; !listed_.contains(line)) {
    std::ofstream list(list_path_, ids_.size() == 1 && listed_.empty() ? std::ios::trunc : std::ios::app);
    list << line << '\n';
    if (!list.flush()) throw Error(ErrorKind::kIo, "cannot write " + list_path_);
  }
}

Error BadPictures::too_many() const {
  return Error(ErrorKind::kInput, "too many bad pictures: " + std::to_string(too_many_) + " (the limit is " +
                                      std::to_string(limit_) + "); the first: " + first_ +
                                      "; all: " + list_path_);
}

std::uint64_t BadPictures::count() const {
  const std::lock_guard lock(mutex_);
  return ids_.size();
}

std::uint64_t bad_pictures_allowed(const PlanShape& shape, std::uint32_t first_trainer,
                                   std::uint32_t node_trainers) {
  if (shape.strategy != Strategy::kSequential)
    return BadPictures::limit(shape.steps_per_epoch() * shape.batch * node_trainers);
  std::uint64_t pictures = 0;
  for (std::uint32_t rank = first_trainer; rank < first_trainer + node_trainers; ++rank)
    pictures += shape.samples / shape.world + (rank < shape.samples % shape.world ? 1 : 0);
  if (shape.nodes == 1) return pictures - 1;
  return std::max<std::uint64_t>(pictures, 11) - 1;
}

}  // namespace facetrain
