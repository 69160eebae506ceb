#include "dataservice/serve/bad_pictures.hpp"

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

void BadPictures::add(std::uint32_t id, const std::string& path, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  // The worker threads that come after the one too many say what it said.
  if (ids_.size() > limit_) throw too_many();
  if (!ids_.insert(id).second) return;
  if (ids_.size() <= 3) first_ += (first_.empty() ? "" : "; ") + reason;
  if (const std::string line = path + '\t' + reason; !listed_.contains(line)) {
    std::ofstream list(list_path_, ids_.size() == 1 && listed_.empty() ? std::ios::trunc : std::ios::app);
    list << line << '\n';
    if (!list.flush()) throw Error(ErrorKind::kIo, "cannot write " + list_path_);
  }
  if (ids_.size() > limit_) throw too_many();
}

Error BadPictures::too_many() const {
  return Error(ErrorKind::kInput, "too many bad pictures: " + std::to_string(ids_.size()) +
                                      " (the limit is " + std::to_string(limit_) + "); the first: " + first_ +
                                      "; all: " + list_path_);
}

std::uint64_t BadPictures::count() const {
  const std::lock_guard lock(mutex_);
  return ids_.size();
}

}  // namespace facetrain
