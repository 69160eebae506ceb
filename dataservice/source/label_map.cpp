#include "dataservice/source/label_map.hpp"

#include <numeric>
#include <optional>
#include <string_view>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/io/npy.hpp"
#include "common/number.hpp"
#include "dataservice/pickle/pickle.hpp"

namespace facetrain {
namespace {

using Kind = Pickle::Kind;

// The label whose str() is `key`.
std::optional<std::uint32_t> label_of(std::string_view key, std::uint32_t classes) {
  const auto label = parse_number<std::uint32_t>(key);
  return label && *label < classes && std::to_string(*label) == key ? label : std::nullopt;
}

}  // namespace

LabelMap read_label_map(const std::string& path, std::uint32_t classes) {
  const std::string name = "data.label_map " + path;
  const auto fail = [&](const std::string& why) { throw Error(ErrorKind::kInput, name + ": " + why); };
  const std::vector<std::byte> file = read_file(path);
  const Pickle pickle(npy_object_pickle(file, name), name);
  const Pickle::Value& array = pickle.root();
  if (array.kind != Kind::kArray || array.dtype != "O" || array.items.size() != 1 ||
      pickle.at(array.items[0]).kind != Kind::kDict)
    fail("it holds no dict; np.save(FILE, {\"3\": 0, ...}) writes one");
  const std::vector<Pickle::Ref>& entries = pickle.at(array.items[0]).items;

  LabelMap map;
  map.labels.resize(classes);
  std::iota(map.labels.begin(), map.labels.end(), 0u);
  for (std::size_t i = 0; i + 1 < entries.size(); i += 2) {
    const Pickle::Value &key = pickle.at(entries[i]), &value = pickle.at(entries[i + 1]);
    if (key.kind != Kind::kText && key.kind != Kind::kBytes)
      fail("its keys must be texts, as in {\"3\": 0}: the reference looks labels up by str(label)");
    const std::string shown = "\"" + std::string(key.bytes.substr(0, 50)) + "\"";
    if (value.kind != Kind::kInt) fail("the new label of " + shown + " is no whole number");
    const auto label = label_of(key.bytes, classes);
    if (!label) {
      ++map.unknown;
      continue;
    }
    if (value.number < 0 || value.number >= static_cast<std::int64_t>(classes))
      fail("it maps label " + shown + " to " + std::to_string(value.number) + ", but the " +
           std::to_string(classes) + " identities of data.train_source have the labels 0 to " +
           std::to_string(classes - 1) + ", and a map does not add classes");
    map.labels[*label] = static_cast<std::uint32_t>(value.number);
  }
  return map;
}

}  // namespace facetrain
