#include "trainer/tools/ijb_meta.hpp"

#include <functional>
#include <string_view>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

struct Line {
  const std::string& file;
  std::size_t number;
  std::vector<std::string_view> fields;

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorKind::kInput, file + ":" + std::to_string(number) + ": " + why);
  }
  void require(std::size_t count, const char* what) const {
    if (fields.size() != count)
      fail(std::to_string(fields.size()) + " fields, not " + std::to_string(count) + " (" + what + ")");
  }
  template <class Number>
  Number number_in(std::size_t field) const {
    const std::string_view word = fields[field];
    const auto value = parse_number<Number>(word);
    if (!value) fail("\"" + std::string(word.substr(0, 40)) + "\" is not a number");
    return *value;
  }
};

// Calls `take` for every line that is not blank.
void read_lines(const std::string& path, const std::function<void(const Line&)>& take) {
  const MappedFile file(path);
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    std::string_view text = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    Line line{path, number, {}};
    while (true) {
      const std::size_t start = text.find_first_not_of(" \t\r");
      if (start == text.npos) break;
      text.remove_prefix(start);
      line.fields.push_back(text.substr(0, text.find_first_of(" \t\r")));
      text.remove_prefix(line.fields.back().size());
    }
    if (!line.fields.empty()) take(line);
  }
}

}  // namespace

IjbMeta read_ijb_meta(const std::string& folder, const std::string& target) {
  IjbMeta meta;
  const std::string start = folder + "/" + target;
  const std::string faces = start + "_face_tid_mid.txt", landmarks = start + "_name_5pts_score.txt";
  read_lines(faces, [&](const Line& line) {
    line.require(3, "name, template id, media id");
    meta.names.emplace_back(line.fields[0]);
    meta.pictures.templates.push_back(line.number_in<std::int64_t>(1));
    meta.pictures.medias.push_back(line.number_in<std::int64_t>(2));
  });
  read_lines(landmarks, [&](const Line& line) {
    line.require(12, "name, five points, score");
    const std::size_t row = meta.pictures.detector_scores.size();
    if (row < meta.names.size() && meta.names[row] != line.fields[0])
      line.fail("picture " + std::string(line.fields[0]) + " stands where " + faces + " has " +
                meta.names[row]);
    meta.pictures.detector_scores.push_back(line.number_in<float>(11));
  });
  if (meta.names.size() != meta.pictures.detector_scores.size() || meta.names.empty())
    throw Error(ErrorKind::kInput, faces + " has " + std::to_string(meta.names.size()) + " pictures, but " +
                                       landmarks + " has " +
                                       std::to_string(meta.pictures.detector_scores.size()));
  read_lines(start + "_template_pair_label.txt", [&](const Line& line) {
    line.require(3, "two template ids, 1 or 0");
    meta.pairs.first.push_back(line.number_in<std::int64_t>(0));
    meta.pairs.second.push_back(line.number_in<std::int64_t>(1));
    const auto same = line.number_in<std::int64_t>(2);
    if (same != 0 && same != 1) line.fail("the label must be 1 (same) or 0, not " + std::to_string(same));
    meta.pairs.same.push_back(same == 1);
  });
  return meta;
}

}  // namespace facetrain
