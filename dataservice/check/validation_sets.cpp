#include "dataservice/check/validation_sets.hpp"

#include <filesystem>

namespace facetrain {

Findings validation_findings(const Config& config) {
  const std::string what = "validation sets";
  const std::filesystem::path folder = config.validation.val_source;
  Findings findings;
  std::string names;
  for (const std::string& name : config.validation.val_list) {
    names += (names.empty() ? "" : ", ") + name;
    for (const std::string& file : {name + ".npy", std::string("issame.txt")}) {
      const std::filesystem::path path = folder / name / file;
      std::error_code missing;
      if (!std::filesystem::is_regular_file(path, missing))
        findings.push_back(
            refused(ErrorKind::kInput, what, path.string(),
                    "no such file; `facetrain prepare` makes it, validation.val_source says where"));
    }
  }
  if (findings.empty())
    findings.push_back(ok(what, folder.string(), names.empty() ? "none asked for" : names));
  return findings;
}

}  // namespace facetrain
