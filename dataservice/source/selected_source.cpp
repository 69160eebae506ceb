#include "dataservice/source/selected_source.hpp"

#include <numeric>
#include <utility>

#include "common/error.hpp"
#include "common/io/npy.hpp"
#include "dataservice/source/label_map.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kNamed = 5;  // how many of a longer row a message names

// Element i of an array of whole numbers; one beyond 2^63 becomes negative, and so is out of range too.
std::int64_t element(const MappedNpy& array, std::uint64_t i) {
  const auto size = static_cast<std::size_t>(array.dtype()[2] - '0');
  const bool is_signed = array.dtype()[1] == 'i';
  const std::byte* const first = array.bytes().data() + i * size;
  std::uint64_t n = is_signed && (first[size - 1] & std::byte{0x80}) != std::byte{0} ? ~std::uint64_t{0} : 0;
  for (std::size_t k = size; k-- > 0;) n = n << 8 | static_cast<std::uint64_t>(first[k]);
  return static_cast<std::int64_t>(n);
}

// "12 (/faces/bob/1.jpg), 14 (...), ..." for the labels that are not `used`; "" when all are. count: how
// many.
std::string unused_identities(const Source& source, const std::vector<bool>& used, std::uint32_t& count) {
  count = 0;
  std::vector<std::uint32_t> first;
  for (std::uint32_t label = 0; label < used.size(); ++label)
    if (!used[label] && ++count <= kNamed) first.push_back(label);
  if (count == 0) return "";
  std::vector<std::string> names(first.size());
  std::size_t missing = names.size();
  for (std::uint32_t i = 0; i < source.size() && missing > 0; ++i)
    for (std::size_t k = 0; k < first.size(); ++k)
      if (names[k].empty() && source.label(i) == first[k]) {
        names[k] = std::to_string(first[k]) + " (" + source.name(i) + ")";
        --missing;
      }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text + (count > kNamed ? ", ..." : "");
}

// What a user should know of a mask.
std::vector<std::string> mask_warnings(const std::string& name, const Source& source,
                                       const std::vector<std::uint32_t>& samples, bool shrinks) {
  std::vector<std::string> warnings;
  std::vector<bool> seen(source.size()), used(source.classes());
  std::uint64_t repeated = 0;
  std::uint32_t first_repeated = 0;
  for (const std::uint32_t sample : samples) {
    if (seen[sample] && repeated++ == 0) first_repeated = sample;
    seen[sample] = true;
    used[static_cast<std::size_t>(source.label(sample))] = true;
  }
  if (repeated > 0)
    warnings.push_back(name + " has " + std::to_string(repeated) +
                       " entries that repeat an earlier one, the first: " + std::to_string(first_repeated) +
                       " (" + source.name(first_repeated) +
                       "); such samples are used as often as they are named");
  std::uint32_t unused = 0;
  const std::string identities = unused_identities(source, used, unused);
  if (unused > 0)
    warnings.push_back(name + " leaves " + std::to_string(unused) + " of " + std::to_string(used.size()) +
                       " identities without a picture: " + identities +
                       (shrinks ? "; data.mask_shrink numbers the others anew"
                                : "; they stay classes (data.mask_shrink = true drops them)"));
  return warnings;
}

}  // namespace

SelectedSource::SelectedSource(std::unique_ptr<Source> source, std::vector<std::uint32_t> samples,
                               std::vector<std::uint32_t> labels, std::uint32_t classes)
    : source_(std::move(source)),
      samples_(std::move(samples)),
      labels_(std::move(labels)),
      classes_(classes) {}

std::uint32_t SelectedSource::size() const {
  return samples_.empty() ? source_->size() : static_cast<std::uint32_t>(samples_.size());
}

std::int64_t SelectedSource::label(std::uint32_t i) const {
  const std::int64_t label = source_->label(number(i));
  return labels_.empty() ? label : labels_[static_cast<std::size_t>(label)];
}

std::vector<std::uint32_t> read_mask(const std::string& path, std::uint32_t samples) {
  const std::string name = "data.mask " + path;
  const MappedNpy array(path);
  const auto fail = [&](const std::string& why) { throw Error(ErrorKind::kInput, name + ": " + why); };
  if (array.dtype() == "|b1")
    fail("it holds True and False; save the indices instead: np.save(FILE, np.flatnonzero(mask))");
  if (array.dtype()[1] != 'i' && array.dtype()[1] != 'u')
    fail("its numbers are of type " + array.dtype() + "; indices are whole numbers");
  if (array.shape().size() != 1)
    fail("it has " + std::to_string(array.shape().size()) + " dimensions, not 1");
  if (array.shape()[0] == 0) fail("it is empty: it keeps no sample");
  if (array.shape()[0] > 0xFFFFFFFFull) fail("it has more than 2^32 - 1 entries");
  std::vector<std::uint32_t> kept(array.shape()[0]);
  for (std::uint64_t i = 0; i < kept.size(); ++i) {
    const std::int64_t sample = element(array, i);
    if (sample < 0 || sample >= static_cast<std::int64_t>(samples))
      fail("entry " + std::to_string(i) + " is " + std::to_string(sample) + ", but data.train_source has " +
           std::to_string(samples) + " samples (0 to " + std::to_string(samples - 1) + ")");
    kept[i] = static_cast<std::uint32_t>(sample);
  }
  return kept;
}

OpenedSource select_samples(OpenedSource opened, const Config& config) {
  const auto& data = config.data;
  if (data.mask.empty() && data.label_map.empty()) return opened;
  const Source& source = *opened.source;
  std::uint32_t classes = source.classes();

  std::vector<std::uint32_t> samples, labels;
  if (!data.mask.empty()) {
    samples = read_mask(data.mask, source.size());
    for (std::string& warning : mask_warnings("data.mask " + data.mask, source, samples, data.mask_shrink))
      opened.warnings.push_back(std::move(warning));
  }
  if (!data.label_map.empty()) {
    LabelMap map = read_label_map(data.label_map, classes);
    labels = std::move(map.labels);
    if (map.unknown > 0)
      opened.warnings.push_back("data.label_map " + data.label_map + " has " + std::to_string(map.unknown) +
                                " keys that are no label of data.train_source; they change nothing");
  }
  if (data.mask_shrink && !samples.empty()) {
    if (labels.empty()) {
      labels.resize(classes);
      std::iota(labels.begin(), labels.end(), 0u);
    }
    std::vector<std::uint32_t> number(classes);  // 1 where a label is in use; then its new number
    for (const std::uint32_t sample : samples)
      number[labels[static_cast<std::size_t>(source.label(sample))]] = 1;
    classes = std::accumulate(number.begin(), number.end(), 0u);
    std::exclusive_scan(number.begin(), number.end(), number.begin(), 0u);
    for (std::uint32_t& label : labels) label = number[label];
  }
  opened.source = std::make_unique<SelectedSource>(std::move(opened.source), std::move(samples),
                                                   std::move(labels), classes);
  return opened;
}

}  // namespace facetrain
