#include "dataservice/pack/unpack.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <unordered_set>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/tools/parallel.hpp"
#include "dataservice/tools/picture_file.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

std::string padded(std::uint64_t number, std::size_t digits) {
  const std::string text = std::to_string(number);
  return std::string(digits - std::min(digits, text.size()), '0') + text;
}

}  // namespace

std::vector<std::string> unpack_folders(std::span<const std::string> given, std::uint32_t classes,
                                        const std::string& where) {
  std::vector<std::string> names;
  bool plain = given.size() == classes;
  for (const std::string& name : given) {
    if (!is_safe_name(name))
      throw Error(ErrorKind::kInput, where + ": it names a folder outside of the target, " +
                                         name.substr(0, 100) +
                                         "; --by-label unpacks it into numbered folders");
    names.push_back(name.starts_with("./") ? name.substr(2) : name);
    plain = plain && !names.back().empty() && names.back()[0] != '.' && names.back().size() <= 200 &&
            names.back().find('/') == std::string::npos;
  }
  plain = plain && std::unordered_set<std::string>(names.begin(), names.end()).size() == names.size();
  if (plain) return names;
  names.clear();
  const std::size_t digits = std::max<std::size_t>(6, std::to_string(classes - 1).size());
  for (std::uint32_t label = 0; label < classes; ++label) names.push_back(padded(label, digits));
  return names;
}

std::uint32_t unpack(const Source& source, std::span<const std::string> folders, const std::string& out) {
  std::vector<std::uint32_t> number(source.size()), pictures(source.classes());
  for (std::uint32_t i = 0; i < source.size(); ++i)
    number[i] = pictures[static_cast<std::size_t>(source.label(i))]++;
  const std::uint32_t most = *std::max_element(pictures.begin(), pictures.end());
  const std::size_t digits = std::max<std::size_t>(3, std::to_string(most - 1).size());
  for (std::size_t label = 0; label < folders.size(); ++label) {
    if (pictures[label] == 0) continue;
    std::error_code error;
    const fs::path folder = fs::path(out) / folders[label];
    fs::create_directories(folder, error);
    if (error) throw Error(ErrorKind::kIo, "create folder " + folder.string() + ": " + error.message());
  }
  std::atomic<std::uint32_t> there{0};
  std::vector<std::vector<std::byte>> buffers(parallel_threads());
  in_parallel(source.size(), [&](unsigned thread, std::uint64_t k) {
    const auto i = static_cast<std::uint32_t>(k);
    const fs::path path = fs::path(out) / folders[static_cast<std::size_t>(source.label(i))] /
                          (padded(number[i], digits) + ".jpg");
    source.read(i, buffers[thread]);
    std::error_code error;
    if (!fs::exists(path, error)) {
      write_picture(path, buffers[thread]);
    } else if (read_file(path.string()) == buffers[thread]) {
      ++there;
    } else {
      throw Error(ErrorKind::kInput, "unpack: " + path.string() + " exists and is not " + source.name(i) +
                                         "; remove it or name another --out");
    }
  });
  return there;
}

}  // namespace facetrain
