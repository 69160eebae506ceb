// The pictures that could not be used: counted once each, listed in bad_images.txt, and the end of the job
// when there are too many. Shared by the workers of a service.
//
// Too many of an epoch, not of the run: a service is asked for its node's share of the pictures only, in most
// orders for another one each epoch. The broken ones of the first epoch are a fair sample of all; those of
// several epochs together are all of them, which many nodes would hold against the share of one.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "common/error.hpp"
#include "common/plan/sample_plan.hpp"

namespace facetrain {

class BadPictures {
 public:
  // list_path: the file that takes one line "path<TAB>reason" per bad picture; created at the first one;
  // that of an earlier run is removed now (only a regular file is), unless this run goes on from it: then it
  // gets those that are not in it yet. allowed: so many bad pictures of an epoch, counted from this start, do
  // not end the job (bad_pictures_allowed()).
  BadPictures(std::string list_path, std::uint64_t allowed, bool goes_on = false);

  // Notes sample `id`, which was planned for this epoch; without one it was only tried in another's place,
  // which says nothing of how many are bad. Throws Error(kInput) with the first paths and reasons when it is
  // one too many.
  void add(std::uint32_t id, const std::string& path, const std::string& reason,
           std::optional<std::uint32_t> epoch);
  std::uint64_t count() const;  // each once
  // max(10, 0.1 %).
  static std::uint64_t limit(std::uint64_t samples) { return samples / 1000 > 10 ? samples / 1000 : 10; }

 private:
  void list(const std::string& path, const std::string& reason);
  Error too_many() const;

  std::string list_path_;
  std::uint64_t limit_;
  std::map<std::uint32_t, std::uint64_t> of_epoch_;
  std::uint64_t too_many_ = 0;  // so many were, in some epoch
  mutable std::mutex mutex_;
  std::unordered_set<std::uint32_t> ids_;
  std::unordered_set<std::string> listed_;  // of the run that goes on, its lines
  std::string first_;                       // the first few, for the message
};

// How many of the pictures that an epoch has for a node's trainers, ranks first_trainer and so many after it,
// may be bad. In an embedding job, which lists every unusable picture and goes on: all but one of them; on
// several nodes also all of ten or fewer, which is no more than chance where a node has so few.
std::uint64_t bad_pictures_allowed(const PlanShape& shape, std::uint32_t first_trainer,
                                   std::uint32_t node_trainers);

}  // namespace facetrain
