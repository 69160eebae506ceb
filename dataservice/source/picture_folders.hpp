// Finds the pictures below a folder that has a subfolder per identity, in the order in which `facetrain list`
// writes them and in which a folder given as data.train_source is read.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

struct PictureFolder {
  std::string path;
  std::vector<std::string> files;  // absolute, sorted
};

// Whether a file name ends as a picture's does: .jpg, .jpeg or .png, capitals too.
bool has_picture_ending(std::string_view file);

// `given` as an absolute path without a slash at its end. Throws Error(kInput) when it is not a folder.
std::filesystem::path absolute_folder(const std::string& given);

// Calls visit for `folder` (absolute) itself when it holds files that `wanted` takes by their name, then for
// every such folder below it, sorted; one folder's files are held at a time. Files that begin with a dot are
// left out, links that lead back to a folder above are not followed. Throws Error(kInput) naming a folder
// that cannot be read, or that holds a name with a line break.
void for_each_picture_folder(const std::filesystem::path& folder,
                             const std::function<bool(std::string_view)>& wanted,
                             const std::function<void(PictureFolder)>& visit);

}  // namespace facetrain
