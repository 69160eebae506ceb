// What a check found: the one form in which every rule of `facetrain check` answers.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace facetrain {

enum class Severity { kOk, kNote, kWarning, kRefused };

struct Finding {
  Severity severity = Severity::kOk;
  std::string what;                     // the rule: "global batch", "picture headers"
  std::string where;                    // a file, a key, a number of pictures
  std::string text;                     // what is the case, and what to do
  ErrorKind kind = ErrorKind::kConfig;  // of a refusal
};

using Findings = std::vector<Finding>;

inline Finding ok(std::string what, std::string where, std::string text) {
  return {Severity::kOk, std::move(what), std::move(where), std::move(text)};
}
inline Finding note(std::string what, std::string where, std::string text) {
  return {Severity::kNote, std::move(what), std::move(where), std::move(text)};
}
inline Finding warning(std::string what, std::string where, std::string text) {
  return {Severity::kWarning, std::move(what), std::move(where), std::move(text)};
}
inline Finding refused(ErrorKind kind, std::string what, std::string where, std::string text) {
  return {Severity::kRefused, std::move(what), std::move(where), std::move(text), kind};
}

// How the challenge's rules answer: a run that is meant for it is refused, any other is warned.
enum class Rules { kAdvice, kChallenge };
inline Finding breach(Rules rules, std::string what, std::string where, std::string text) {
  return {rules == Rules::kChallenge ? Severity::kRefused : Severity::kWarning, std::move(what),
          std::move(where), std::move(text)};
}

// "WARNING global batch: 2 x 128 = 256: the challenge's is 4 x 128; ..."
std::string finding_line(const Finding& finding);

// Nothing when no finding is a refusal; otherwise the error to end with: kConfig when one of them is,
// else kInput.
struct Verdict {
  bool is_refused = false;
  ErrorKind kind = ErrorKind::kConfig;
  std::string text;  // "2 refused, 1 warning"
};
Verdict verdict(std::span<const Finding> findings);

}  // namespace facetrain
