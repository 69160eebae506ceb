#include "dataservice/serve/row_filler.hpp"

#include <algorithm>
#include <string>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/ipc/row_id.hpp"
#include "common/watch/watch_clock.hpp"

namespace facetrain {
namespace {

// For as long as a read takes.
class Reading {
 public:
  Reading(ReadWatch::Worker* reads, std::uint32_t id) : reads_(reads) {
    if (reads_ != nullptr) reads_->begin(id, monotonic_seconds());
  }
  ~Reading() {
    if (reads_ != nullptr) reads_->end();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  ReadWatch::Worker* reads_;
};

}  // namespace

std::optional<std::uint32_t> stand_in(const Source& source, const IdentityIndex& identities,
                                      const EpochOrder& order, std::uint64_t seed, std::uint32_t epoch,
                                      std::uint64_t position, std::uint32_t attempt) {
  const std::uint32_t planned = order.sample_at(position);
  if (attempt == 0) return planned;
  const auto others = identities.samples_of(source.label(planned));
  const auto own_place =
      static_cast<std::uint32_t>(std::lower_bound(others.begin(), others.end(), planned) - others.begin());
  const auto count = static_cast<std::uint32_t>(others.size()) - 1;
  if (attempt <= count) {  // the others in a ring that starts at a drawn place
    RandomStream draw(seed, Purpose::kReplace, epoch, position);
    const std::uint32_t place = (draw.below(count) + attempt - 1) % count;
    return others[place < own_place ? place : place + 1];
  }
  if (attempt - count >= source.size()) return std::nullopt;
  return order.sample_at(position + (attempt - count));
}

RowFiller::RowFiller(const Config& config, Dtype dtype, const Source& source, const IdentityIndex& identities,
                     BadPictures& bad, ReadWatch::Worker* reads)
    : stand_ins_(!is_embedding(config)),
      seed_(static_cast<std::uint64_t>(config.run.seed)),
      source_(source),
      identities_(identities),
      bad_(bad),
      reads_(reads),
      decoder_(make_decoder()),
      augmenter_(make_augmenter(config, dtype)) {}

void RowFiller::decode(std::uint32_t id) {
  {
    const Reading reading(reads_, id);
    source_.read(id, bytes_);
  }
  decoder_->decode(bytes_, image_);
}

// epoch: that the picture was planned for, if it was.
void RowFiller::note_bad(std::uint32_t id, const std::string& reason, std::optional<std::uint32_t> epoch) {
  std::string path;
  {
    const Reading reading(reads_, id);  // a name may be read from the same storage
    path = source_.name(id);
  }
  bad_.add(id, path, reason.find(path) == std::string::npos ? path + ": " + reason : reason, epoch);
}

RowFiller::Row RowFiller::fill_once(const EpochOrder& order, std::uint64_t position,
                                    std::span<std::byte> row) {
  std::int64_t id = kPaddingRow;
  if (!order.is_padding(position)) {
    const std::uint32_t planned = order.sample_at(position);
    try {
      decode(planned);
      augmenter_->apply(image_, RandomStream(seed_, Purpose::kAugment, 0, position), row);
      return {source_.label(planned), planned};
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInput) throw;
      note_bad(planned, error.what(), 0);
      id = unusable_row(planned);
    }
  }
  std::fill(row.begin(), row.end(), std::byte{0});
  return {0, id};
}

RowFiller::Row RowFiller::fill(const EpochOrder& order, std::uint32_t epoch, std::uint64_t position,
                               std::span<std::byte> row) {
  if (!stand_ins_) return fill_once(order, position, row);
  for (std::uint32_t attempt = 0;; ++attempt) {
    const auto id = stand_in(source_, identities_, order, seed_, epoch, position, attempt);
    if (!id) throw Error(ErrorKind::kInput, "no picture of the training list can be used");
    try {
      decode(*id);
    } catch (const Error& error) {  // the picture is unusable, the job is not: count it and take the next
      if (error.kind() != ErrorKind::kInput) throw;
      note_bad(*id, error.what(), attempt == 0 ? std::optional(epoch) : std::nullopt);
      continue;
    }
    augmenter_->apply(image_, RandomStream(seed_, Purpose::kAugment, epoch, position), row);
    return {source_.label(*id), *id};
  }
}

}  // namespace facetrain
