#include "dataservice/source/picture_folders.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "common/error.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_read(const std::string& path, const std::error_code& error) {
  throw Error(ErrorKind::kInput, "cannot read the folder " + path + ": " + error.message());
}

// A link to a folder above itself would never end.
bool leads_back(const fs::directory_entry& entry, const fs::path& folder) {
  std::error_code error;
  if (!entry.is_symlink(error)) return false;
  const std::string target = fs::canonical(entry.path(), error).string() + "/";
  return !error && (fs::canonical(folder, error).string() + "/").starts_with(target);
}

}  // namespace

void for_each_picture_folder(const fs::path& folder, const std::function<bool(std::string_view)>& wanted,
                             const std::function<void(PictureFolder)>& visit) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) cannot_read(folder.string(), error);
  std::vector<fs::path> below;
  PictureFolder here{folder.string(), {}};
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    if (error) cannot_read(folder.string(), error);
    const std::string name = entries->path().filename().string();
    std::error_code unknown;  // a dangling link is neither
    if (entries->is_directory(unknown)) {
      if (!leads_back(*entries, folder)) below.push_back(entries->path());
    } else if (!name.starts_with('.') && wanted(name)) {  // as the reference's glob("*jpg")
      here.files.push_back(entries->path().string());
      if (here.files.back().find('\n') != std::string::npos)
        throw Error(ErrorKind::kInput,
                    "a file name with a line break cannot be listed, in " + folder.string());
    }
  }
  if (error) cannot_read(folder.string(), error);
  std::sort(here.files.begin(), here.files.end());
  std::sort(below.begin(), below.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  if (!here.files.empty()) visit(std::move(here));
  for (const fs::path& path : below) for_each_picture_folder(path, wanted, visit);
}

bool has_picture_ending(std::string_view file) {
  const auto dot = file.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string ending(file.substr(dot));
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

fs::path absolute_folder(const std::string& given) {
  std::error_code error;
  const bool is_folder = fs::is_directory(given, error);
  if (error) cannot_read(given, error);
  if (!is_folder) throw Error(ErrorKind::kInput, "this is not a folder: " + given);
  fs::path path = fs::absolute(given).lexically_normal();
  return path.has_filename() ? path : path.parent_path();  // a trailing slash
}

}  // namespace facetrain
