#include "dataservice/source/folder_source.hpp"

#include <algorithm>
#include <cctype>
#include <span>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "dataservice/source/picture_folders.hpp"

namespace facetrain {
namespace {

bool is_picture(std::string_view file) {
  const auto dot = file.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string ending(file.substr(dot));
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

}  // namespace

ListSource open_folder(const std::string& path) {
  std::vector<std::byte> list;
  for (const PictureFolder& folder : picture_folders(absolute_folder(path), is_picture)) {
    for (const std::string& file : folder.files) {
      const auto bytes = std::as_bytes(std::span(file.data(), file.size()));
      list.insert(list.end(), bytes.begin(), bytes.end());
      list.push_back(std::byte{'\n'});
    }
  }
  if (list.empty())
    throw Error(ErrorKind::kInput, "no picture (.jpg, .jpeg, .png) below the folder " + path +
                                       "; data.train_source needs a subfolder per identity");
  return ListSource(std::move(list), path);
}

}  // namespace facetrain
