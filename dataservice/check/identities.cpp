#include "dataservice/check/identities.hpp"

#include <algorithm>

namespace facetrain {

std::vector<std::uint32_t> pictures_of_identities(const Source& source) {
  std::vector<std::uint32_t> counts(source.classes());
  for (std::uint32_t i = 0; i < source.size(); ++i) {
    const std::int64_t label = source.label(i);
    if (label < 0 || label >= static_cast<std::int64_t>(counts.size()))
      throw Error(ErrorKind::kInput, source.name(i) + " has the label " + std::to_string(label) +
                                         ", but the data set says that it has " +
                                         std::to_string(counts.size()) + " identities");
    ++counts[static_cast<std::size_t>(label)];
  }
  return counts;
}

Findings identity_findings(std::span<const std::uint32_t> counts, const std::string& name) {
  const std::string what = "identities";
  const auto first_with = [&](std::uint32_t n) {
    return std::to_string(std::find(counts.begin(), counts.end(), n) - counts.begin());
  };
  const auto empty = std::count(counts.begin(), counts.end(), 0u),
             single = std::count(counts.begin(), counts.end(), 1u);
  const auto all = static_cast<std::ptrdiff_t>(counts.size());
  Findings findings;
  if (empty > 0)
    findings.push_back(
        warning(what, name,
                std::to_string(empty) + " of " + std::to_string(all) +
                    " labels have no picture (the first: " + first_with(0) +
                    "); they cost memory and train nothing, data.mask_shrink or a new list numbers "
                    "the others anew"));
  if (single > 0)
    findings.push_back(warning(what, name,
                               std::to_string(single) + " of " + std::to_string(all) +
                                   " identities have one picture (the first: label " + first_with(1) +
                                   "); they hardly train, leave them out"));
  if (all - empty < 2)
    findings.push_back(
        refused(ErrorKind::kInput, what, name, "fewer than two identities: nothing to tell apart"));
  if (!findings.empty()) return findings;
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return {ok(what, name,
             std::to_string(all) + ", each of " + std::to_string(*least) + " to " + std::to_string(*most) +
                 " pictures")};
}

}  // namespace facetrain
