#include "trainer/validation/validation_set.hpp"

#include <array>
#include <filesystem>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

const char* const kRemedy =
    "; make the set with `facetrain prepare --xz_folder DIR --destination DIR --datasets NAME`";

void require_file(const std::string& path, const std::string& remedy) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    throw Error(ErrorKind::kInput, path + ": no such file" + remedy);
}

std::vector<std::uint8_t> read_issame(const std::string& path) {
  require_file(path, kRemedy);
  const auto bytes = read_file(path);
  return parse_issame({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace

std::vector<std::uint8_t> parse_issame(std::string_view text, const std::string& name) {
  constexpr std::string_view kBlank = " \t\r\f\v";
  std::vector<std::uint8_t> flags;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    std::string_view rest = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    rest = rest.substr(0, rest.find('#'));
    while (true) {
      const auto start = rest.find_first_not_of(kBlank);
      if (start == rest.npos) break;
      rest.remove_prefix(start);
      const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
      const auto value = parse_number<double>(word);
      if (!value)
        throw Error(ErrorKind::kInput, name + ":" + std::to_string(line) + ": \"" +
                                           std::string(word.substr(0, 40)) +
                                           "\" is not a number (1: same identity, 0: different)" + kRemedy);
      flags.push_back(*value != 0);
      rest.remove_prefix(word.size());
    }
  }
  return flags;
}

MappedNpy map_pictures(const std::string& path, const std::string& remedy) {
  require_file(path, remedy);
  MappedNpy pictures(path);
  const std::array<std::uint64_t, 4> shape{0, 3, kPictureSide, kPictureSide};
  pictures.require("|u1", shape);
  return pictures;
}

ValidationSet::ValidationSet(const std::string& folder, const std::string& name)
    : name_(name),
      pictures_(map_pictures(folder + "/" + name + "/" + name + ".npy", kRemedy)),
      same_(read_issame(folder + "/" + name + "/issame.txt")) {
  const auto count = pictures_.shape().front();
  if (count != 2 * same_.size())
    throw Error(ErrorKind::kInput, folder + "/" + name + ": " + name + ".npy has " + std::to_string(count) +
                                       " pictures, but issame.txt has " + std::to_string(same_.size()) +
                                       " pairs, which need " + std::to_string(2 * same_.size()) + kRemedy);
  if (same_.size() < 10)
    throw Error(ErrorKind::kInput, folder + "/" + name + "/issame.txt: " + std::to_string(same_.size()) +
                                       " pairs; 10-fold verification needs at least 10");
}

std::vector<ValidationSet> open_validation_sets(const std::string& folder,
                                                std::span<const std::string> names) {
  std::vector<ValidationSet> sets;
  for (const std::string& name : names) sets.emplace_back(folder, name);
  return sets;
}

}  // namespace facetrain
