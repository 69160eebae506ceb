#include "dataservice/source/picture_list.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string_view>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/decode/limits.hpp"
#include "dataservice/source/line_reader.hpp"
#include "dataservice/source/picture_folders.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

TextStore below(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    std::error_code unknown;  // a dangling link is no file
    if (entries->is_directory(unknown) || entries->path().filename().native().starts_with('.') ||
        !has_picture_ending(entries->path().filename().native()))
      continue;
    paths.push_back(entries->path().string());
    if (paths.back().find('\n') !=
        std::string::npos)  // names.txt, beside the embeddings, has a line for each
      throw Error(ErrorKind::kInput, "a file name with a line break cannot be listed, in " +
                                         entries->path().parent_path().string());
  }
  if (error) throw Error(ErrorKind::kInput, "cannot read the folder " + folder + ": " + error.message());
  std::sort(paths.begin(), paths.end());
  TextStore sorted;
  for (const std::string& path : paths) sorted.add(path);
  return sorted;
}

TextStore lines_of(const std::string& path) {
  LineReader lines(path);
  TextStore paths;
  for (std::string_view line; lines.next_filled(line);) {
    if (line.size() > TextStore::kLongest) lines.fail("this path is too long", line);
    paths.add(line);
  }
  return paths;
}

}  // namespace

PictureList::PictureList(const std::string& path) {
  std::error_code unknown;
  const bool is_folder = fs::is_directory(path, unknown);
  paths_ = is_folder ? below(path) : lines_of(path);
  if (paths_.size() == 0)
    throw Error(ErrorKind::kInput, is_folder ? path + ": no .jpg, .jpeg or .png below this folder"
                                             : path + " is empty: it names no picture");
  if (paths_.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::kInput, path + ": more than 2^32 - 1 pictures");
}

void PictureList::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  buffer = read_file(paths_.get(i), kMaxEncodedPicture);
}

}  // namespace facetrain
