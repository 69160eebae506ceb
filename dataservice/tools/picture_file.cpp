#include "dataservice/tools/picture_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/error.hpp"

namespace facetrain {

bool is_safe_name(const std::string& name) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (name.starts_with('/') || std::any_of(name.begin(), name.end(), control)) return false;
  const std::filesystem::path path(name);
  return std::none_of(path.begin(), path.end(),
                      [](const std::filesystem::path& part) { return part == ".."; });
}

void write_picture(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  const std::filesystem::path part = path.parent_path() / ("." + path.filename().string() + ".part");
  std::FILE* const file = std::fopen(part.c_str(), "wbe");
  const bool written = file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const int failed = written ? 0 : errno;
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (written && closed && std::rename(part.c_str(), path.c_str()) == 0) return;
  const std::string why = with_errno("write " + path.string(), failed != 0 ? failed : errno);
  std::error_code ignored;
  std::filesystem::remove(part, ignored);
  throw Error(ErrorKind::kIo, why);
}

}  // namespace facetrain
