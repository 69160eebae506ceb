#include "dataservice/source/folder_source.hpp"

#include <span>
#include <vector>

#include "common/error.hpp"
#include "dataservice/source/picture_folders.hpp"

namespace facetrain {
ListSource open_folder(const std::string& path) {
  std::vector<std::byte> list;
  for (const PictureFolder& folder : picture_folders(absolute_folder(path), has_picture_ending)) {
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
