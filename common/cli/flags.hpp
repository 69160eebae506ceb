// The command line of a subcommand as data: each flag declared once; parsing, --help and the errors follow
// from it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

struct FlagSpec {
  std::vector<std::string_view>
      names;                     // the first one is its key: {"--source", "-s"}; without dash: a positional
  std::string_view placeholder;  // "DIR"; "X ..." takes one or more values; "": a switch, without value
  std::string_view help;
  bool required = false;
};

// What was given. Accessors throw Error(kConfig) naming the flag when a value is not of the type or range.
class Flags {
 public:
  bool has(std::string_view key) const { return values_.contains(std::string(key)); }
  std::string text(std::string_view key, std::string_view otherwise = "") const;
  std::vector<std::string> texts(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t low,
                       std::int64_t high) const;
  double real(std::string_view key, double otherwise, double low, double high) const;

 private:
  friend Flags parse_flags(std::string_view, std::span<const FlagSpec>, std::span<const std::string>);
  std::map<std::string, std::vector<std::string>> values_;
};

// "--flag value", "--flag=value" and positionals in their order. Throws Error(kConfig): unknown, twice,
// missing.
Flags parse_flags(std::string_view command, std::span<const FlagSpec> specs,
                  std::span<const std::string> words);

// The lines of --help, one a flag.
std::string describe_flags(std::span<const FlagSpec> specs);

}  // namespace facetrain
