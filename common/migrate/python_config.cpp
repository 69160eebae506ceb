#include "common/migrate/python_config.hpp"

#include <algorithm>
#include <filesystem>

#include "common/io/file.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

const PythonEntry* find_entry(const PythonConfig& config, std::string_view key) {
  const auto found =
      std::find_if(config.begin(), config.end(), [&](const PythonEntry& entry) { return entry.key == key; });
  return found == config.end() ? nullptr : &*found;
}

void assign(PythonConfig& config, PythonEntry entry) {
  for (PythonEntry& one : config) {
    if (one.key != entry.key) continue;
    one = std::move(entry);
    return;
  }
  config.push_back(std::move(entry));
}

PythonConfig merged(const PythonConfig& base, const PythonConfig& own) {
  PythonConfig all = base;
  for (const PythonEntry& entry : own) assign(all, entry);
  return all;
}

std::string base_of(const std::string& path) {
  const fs::path file = fs::path(path);
  fs::path folder = file.parent_path();
  for (fs::path up = folder; up.has_filename(); up = up.parent_path())
    if (up.filename() == "configs") {
      folder = up;
      break;
    }
  const fs::path base = folder / "base.py";
  std::error_code missing;
  if (!fs::is_regular_file(base, missing) || fs::equivalent(base, file, missing)) return "";
  return base.string();
}

PythonConfig load_python_config(const std::string& path, const std::string& base_path) {
  PythonConfig base;
  if (!base_path.empty()) base = parse_python_config(text_of(base_path), base_path, {});
  return merged(base, parse_python_config(text_of(path), path, base));
}

}  // namespace facetrain
