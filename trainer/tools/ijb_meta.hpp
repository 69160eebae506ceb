// The meta files of IJB-B and IJB-C, as insightface distributes them and the parent's eval_ijb.py reads them.
#pragma once

#include <string>
#include <vector>

#include "trainer/validation/template_verification.hpp"

namespace facetrain {

struct IjbMeta {
  TemplatePictures pictures;
  std::vector<std::string> names;  // of the pictures
  TemplatePairs pairs;
};

// folder/<target>_face_tid_mid.txt (name, template id, media id), <target>_name_5pts_score.txt (name, ten
// coordinates, score) and <target>_template_pair_label.txt (two template ids, 1 or 0); fields parted by
// spaces, a row of the first two per picture. target: "ijbb" or "ijbc". Throws Error(kInput) naming file and
// line: a field that is missing or no number, another number of rows, another name in a row.
IjbMeta read_ijb_meta(const std::string& folder, const std::string& target);

}  // namespace facetrain
