#include "common/inject.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw Error(
      ErrorKind::kConfig,
      why + " in \"" + std::string(text) + "\"" +
          "; write it as \"rank=1,step=5,fault=nan\" (faults: nan, overflow, stop, slow, stall; steps=N "
          "repeats it)");
}

}  // namespace

Injection parse_injection(std::string_view text) {
  Injection injection;
  std::string_view rest = text;
  std::set<std::string> given;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const std::size_t equals = part.find('=');
    const std::string key(part.substr(0, equals));
    const std::string_view value = equals == part.npos ? "" : part.substr(equals + 1);
    if (!given.insert(key).second) refuse(text, key + " is given twice");
    if (key == "fault") {
      injection.fault = value == "nan"        ? Fault::kNan
                        : value == "overflow" ? Fault::kOverflow
                        : value == "stop"     ? Fault::kStop
                        : value == "slow"     ? Fault::kSlow
                        : value == "stall"    ? Fault::kStall
                                              : Fault::kNone;
      if (injection.fault == Fault::kNone) refuse(text, "no fault '" + std::string(value) + "'");
      continue;
    }
    const auto number = parse_number<std::int32_t>(value);
    const std::int32_t least = key == "rank" ? 0 : 1;
    if (key != "rank" && key != "step" && key != "steps") refuse(text, "no key '" + key + "'");
    if (!number || *number < least)
      refuse(text, key + " needs a whole number, " + std::to_string(least) + " or more");
    if (key == "rank") injection.rank = *number;
    if (key == "step") injection.step = *number;
    if (key == "steps") injection.steps = *number;
  }
  if (!text.empty() && (!given.contains("rank") || !given.contains("step") || !given.contains("fault")))
    refuse(text, "rank, step and fault are all needed");
  return injection;
}

}  // namespace facetrain
