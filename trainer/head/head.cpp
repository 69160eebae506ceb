#include "trainer/head/head.hpp"

#include <ATen/ops/clamp.h>

#include <string>

#include "common/error.hpp"
#include "trainer/head/compat.hpp"

namespace facetrain {

#define HEAD(name, margin_count) \
  std::unique_ptr<Head> make_##name(const std::vector<double>& margins, const Compat& compat);
#include "trainer/head/heads.def"
#undef HEAD

namespace {

struct HeadEntry {
  std::string name;
  std::size_t margins;
  std::unique_ptr<Head> (*make)(const std::vector<double>& margins, const Compat& compat);
};

const HeadEntry kHeads[] = {
#define HEAD(name, margin_count) {#name, margin_count, make_##name},
#include "trainer/head/heads.def"
#undef HEAD
};

}  // namespace

at::Tensor whole_cosines(const HeadInput& input) {
  return at::clamp(input.cosines.to(input.target.scalar_type()), -1, 1);
}

std::unique_ptr<Head> make_head(const Config& config) {
  std::string known;
  for (const HeadEntry& entry : kHeads) {
    if (entry.name != config.head.head) {
      known += (known.empty() ? "" : ", ") + entry.name;
      continue;
    }
    if (config.head.margin.size() != entry.margins)
      throw Error(ErrorKind::kConfig,
                  "head.margin: " + entry.name + " takes " + std::to_string(entry.margins) +
                      " margin(s), the configuration gives " + std::to_string(config.head.margin.size()));
    return entry.make(config.head.margin, config.compat);
  }
  throw Error(ErrorKind::kConfig, "head.head: unknown head \"" + config.head.head + "\"; known: " + known);
}

}  // namespace facetrain
