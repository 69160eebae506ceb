#include "common/check/scale.hpp"

#include <algorithm>
#include <string>

namespace facetrain {

Scale scale_named(std::string_view name) {
  for (const Scale& scale : kScales)
    if (scale.name == name) return scale;
  throw Error(ErrorKind::kConfig, "--scale must be 10K, 20K or 100K, not " + std::string(name));
}

std::optional<Scale> scale_of(std::uint64_t identities) {
  for (const Scale& scale : kScales)
    if (identities <= scale.identities) return scale;
  return {};
}

Findings scale_findings(std::uint64_t identities, std::uint64_t images, const std::optional<Scale>& given,
                        Rules rules) {
  const std::string what = "scale";
  const std::string counts =
      std::to_string(identities) + " identities, " + std::to_string(images) + " images";
  const std::optional<Scale> scale = given ? given : scale_of(identities);
  if (!scale)
    return {
        breach(rules, what, counts,
               "the challenge's largest scale has 100000 identities; `facetrain list --max-ids 100000` makes "
               "a smaller list")};
  const std::string name(scale->name);
  Findings findings;
  if (identities > scale->identities)
    findings.push_back(breach(rules, what, counts,
                              "the " + name + " scale takes at most " + std::to_string(scale->identities) +
                                  " identities; `facetrain list --max-ids " +
                                  std::to_string(scale->identities) + "` makes a smaller list"));
  if (images > scale->images)
    findings.push_back(breach(rules, what, counts,
                              "the " + name + " scale takes at most " + std::to_string(scale->images) +
                                  " images; `facetrain list --max-per-id " +
                                  std::to_string(std::max<std::uint64_t>(
                                      1, scale->images / std::max<std::uint64_t>(identities, 1))) +
                                  "` makes a smaller list"));
  if (!findings.empty()) return findings;
  findings.push_back(ok(what, counts, "within the challenge's " + name + " scale"));
  if (identities * 2 < scale->identities)
    findings.push_back(note(what, counts,
                            "less than half of the " + name +
                                " scale's identities; fewer identities mean a lower "
                                "accuracy, not another scale"));
  return findings;
}

}  // namespace facetrain
