// A training list looked at as text, before it becomes a source: what its lines say that a reader should
// know.
#pragma once

#include <string>
#include <string_view>

#include "common/check/finding.hpp"

namespace facetrain {

// `name` stands for the list in the findings. Warned: blank lines (skipped here; the reference reads them as
// paths) and paths that are named twice. Noted: commas (the reference's pandas cuts a path there). Refused: a
// line without a folder in front of the file name. One kOk when none of these is the case. Lines as
// ListSource reads them; it tells of folder names that stand under two roots itself.
Findings list_text_findings(std::string_view text, const std::string& name);

}  // namespace facetrain
