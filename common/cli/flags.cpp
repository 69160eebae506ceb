#include "common/cli/flags.hpp"

#include <algorithm>

#include "common/config/text_form.hpp"
#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

bool is_positional(const FlagSpec& spec) {
  return !spec.names[0].starts_with('-');
}
bool is_switch(const FlagSpec& spec) {
  return spec.placeholder.empty() && !is_positional(spec);
}
bool takes_many(const FlagSpec& spec) {
  return spec.placeholder.ends_with("...");
}

std::string joined(const FlagSpec& spec) {
  std::string text;
  for (const auto name : spec.names) text += (text.empty() ? "" : ", ") + std::string(name);
  return spec.placeholder.empty() || is_positional(spec) ? text : text + " " + std::string(spec.placeholder);
}

}  // namespace

Flags parse_flags(std::string_view command, std::span<const FlagSpec> specs,
                  std::span<const std::string> words) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorKind::kConfig, std::string(command) + ": " + why + " (facetrain " +
                                        std::string(command) + " --help shows the flags)");
  };
  Flags flags;
  const auto add = [&](const FlagSpec& spec, const std::string& value) {
    auto& values = flags.values_[std::string(spec.names[0])];
    if (!values.empty() && !takes_many(spec)) fail(std::string(spec.names[0]) + " is given twice");
    values.push_back(value);
  };
  const auto is_flag = [](const std::string& word) { return word.size() > 1 && word[0] == '-'; };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_flag(words[i])) {
      const auto spec = std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& s) {
        return is_positional(s) && !flags.has(s.names[0]);
      });
      if (spec == specs.end()) fail("unexpected argument " + words[i]);
      add(*spec, words[i]);
      continue;
    }
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& s) {
      return !is_positional(s) && std::find(s.names.begin(), s.names.end(), name) != s.names.end();
    });
    if (spec == specs.end()) fail("unknown flag " + name);
    if (is_switch(*spec)) {
      if (equals != std::string::npos) fail(name + " takes no value");
      add(*spec, "");
    } else if (equals != std::string::npos) {
      add(*spec, words[i].substr(equals + 1));
    } else {
      if (i + 1 == words.size() || is_flag(words[i + 1])) fail(name + " needs a value");
      add(*spec, words[++i]);
    }
    while (takes_many(*spec) && i + 1 < words.size() && !is_flag(words[i + 1])) add(*spec, words[++i]);
  }
  for (const FlagSpec& spec : specs)
    if (spec.required && !flags.has(spec.names[0])) fail("missing " + joined(spec));
  return flags;
}

std::string Flags::text(std::string_view key, std::string_view otherwise) const {
  const auto found = values_.find(std::string(key));
  return found == values_.end() ? std::string(otherwise) : found->second.front();
}

std::vector<std::string> Flags::texts(std::string_view key) const {
  const auto found = values_.find(std::string(key));
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::int64_t Flags::integer(std::string_view key, std::int64_t otherwise, std::int64_t low,
                            std::int64_t high) const {
  if (!has(key)) return otherwise;
  const std::string word = text(key);
  const auto value = parse_number<std::int64_t>(word);
  if (!value || *value < low || *value > high)
    throw Error(ErrorKind::kConfig, std::string(key) + " must be a whole number from " + std::to_string(low) +
                                        " to " + std::to_string(high) + ", not " + word);
  return *value;
}

double Flags::real(std::string_view key, double otherwise, double low, double high) const {
  if (!has(key)) return otherwise;
  const std::string word = text(key);
  const auto value = parse_number<double>(word);
  if (!value || !(*value >= low && *value <= high))
    throw Error(ErrorKind::kConfig, std::string(key) + " must be a number from " + number_text(low) + " to " +
                                        number_text(high) + ", not " + word);
  return *value;
}

std::string describe_flags(std::span<const FlagSpec> specs) {
  std::size_t width = 0;
  for (const FlagSpec& spec : specs) width = std::max(width, joined(spec).size());
  std::string text;
  for (const FlagSpec& spec : specs) {
    std::string name = joined(spec);
    name.resize(width, ' ');
    text += "  " + name + "  " + std::string(spec.help) + (spec.required ? " (required)" : "") + "\n";
  }
  return text;
}

}  // namespace facetrain
