#include "dataservice/source/folder_source.hpp"

#include "common/error.hpp"
#include "dataservice/source/picture_folders.hpp"

namespace facetrain {

ListSource open_folder(const std::string& path) {
  bool is_empty = true;
  const auto each = [&](const ListSource::Take& take) {
    for_each_picture_folder(absolute_folder(path), has_picture_ending, [&](const PictureFolder& folder) {
      for (const std::string& file : folder.files) take(file);
      is_empty = false;
    });
    if (is_empty)
      throw Error(ErrorKind::kInput, "no picture (.jpg, .jpeg, .png) below the folder " + path +
                                         "; data.train_source needs a subfolder per identity");
  };
  return ListSource(each, path);
}

}  // namespace facetrain
