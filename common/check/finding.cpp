#include "common/check/finding.hpp"

#include <algorithm>

namespace facetrain {

std::string finding_line(const Finding& finding) {
  const char* const names[] = {"ok", "note", "WARNING", "REFUSED"};
  return std::string(names[static_cast<int>(finding.severity)]) + " " + finding.what + ": " + finding.where +
         ": " + finding.text;
}

Verdict verdict(std::span<const Finding> findings) {
  const auto count = [&](Severity severity) {
    return std::count_if(findings.begin(), findings.end(),
                         [&](const Finding& finding) { return finding.severity == severity; });
  };
  const auto refusals = count(Severity::kRefused), warnings = count(Severity::kWarning);
  const bool any_config = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::kRefused && finding.kind == ErrorKind::kConfig;
  });
  return {refusals > 0, any_config ? ErrorKind::kConfig : ErrorKind::kInput,
          std::to_string(refusals) + " refused, " + std::to_string(warnings) +
              (warnings == 1 ? " warning" : " warnings")};
}

}  // namespace facetrain
