#include "dataservice/source/wids_index.hpp"

#define BOOST_BIND_GLOBAL_PLACEHOLDERS  // its JSON parser includes a header that warns without
#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <filesystem>
#include <limits>
#include <sstream>

#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/io/file.hpp"

namespace facetrain {
namespace {

constexpr int kDeepestBracket = 16;
constexpr std::size_t kMostShards = 65535;

// The parser calls itself for what is inside: without a limit, a file of brackets would use up the stack.
bool is_deep(std::string_view json) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (in_text && json[i] == '\\')
      ++i;
    else if (json[i] == '"')
      in_text = !in_text;
    else if (!in_text && (json[i] == '[' || json[i] == '{'))
      depth += 1;
    else if (!in_text && (json[i] == ']' || json[i] == '}'))
      depth -= 1;
    if (depth > kDeepestBracket) return true;
  }
  return false;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20)
      out += formatted("\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else
      out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  }
  return out + '"';
}

}  // namespace

WidsIndex read_wids_index(const std::string& path) {
  const auto fail = [&](const std::string& why) { throw Error(ErrorKind::kInput, path + ": " + why); };
  const std::vector<std::byte> bytes = read_file(path);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (is_deep(text)) fail("its JSON is nested too deeply for an index");
  const auto count = [&](std::int64_t n) {
    if (n < 0 || n > std::numeric_limits<std::uint32_t>::max())
      fail("impossible number " + std::to_string(n));
    return static_cast<std::uint32_t>(n);
  };
  namespace pt = boost::property_tree;
  WidsIndex index;
  try {
    pt::ptree tree;
    std::istringstream stream(text);
    pt::read_json(stream, tree);
    if (tree.get("wids_version", 0) != 1) fail("not an index of tar shards (\"wids_version\": 1 is missing)");
    if (tree.count("datasets") != 0)
      fail("an index that refers to other indexes (\"datasets\") is not supported");
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    for (const auto& [key, shard] : tree.get_child("shardlist")) {
      std::string url = shard.get<std::string>("url");
      if (url.starts_with("file:")) url.erase(0, url.starts_with("file://") ? 7 : 5);
      if (url.empty() || url.find("://") != url.npos || url.starts_with("pipe:"))
        fail("shard " + url + " is not a local file; download the shards and give their paths");
      index.shards.push_back(
          {(folder / url).lexically_normal().string(), count(shard.get<std::int64_t>("nsamples"))});
    }
    index.classes = count(tree.get<std::int64_t>("classes", 0));
    index.digest = std::stoull(tree.get("facetrain_digest", "0"), nullptr, 16);
  } catch (const pt::json_parser_error& error) {
    throw Error(ErrorKind::kInput,
                path + ":" + std::to_string(error.line()) + ": no JSON: " + error.message());
  } catch (const pt::ptree_error& error) {
    fail(std::string("not a complete index of tar shards: ") + error.what());
  } catch (const std::logic_error&) {  // stoull
    fail("facetrain_digest is damaged");
  }
  if (index.shards.empty() || index.shards.size() > kMostShards)
    fail("it names " + std::to_string(index.shards.size()) + " shards; 1 to 65535 can be read");
  return index;
}

std::string format_wids_index(const WidsIndex& index) {
  std::string text = "{\n  \"wids_version\": 1,\n  \"shardlist\": [\n";
  for (std::size_t i = 0; i < index.shards.size(); ++i)
    text += "    {\"url\": " + quoted(index.shards[i].path) +
            ", \"nsamples\": " + std::to_string(index.shards[i].samples) + "}" +
            (i + 1 < index.shards.size() ? "," : "") + "\n";
  return text + "  ],\n  \"classes\": " + std::to_string(index.classes) + ",\n  \"facetrain_digest\": \"" +
         hex(index.digest) + "\"\n}\n";
}

}  // namespace facetrain
