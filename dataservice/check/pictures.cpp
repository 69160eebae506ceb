#include "dataservice/check/pictures.hpp"

#include <algorithm>
#include <fstream>
#include <memory>
#include <tuple>

#include "dataservice/decode/decoder.hpp"
#include "dataservice/decode/limits.hpp"
#include "dataservice/serve/bad_pictures.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kHead = 32768;

// The first bytes of a sample that is a file of its own; empty when it is not.
void read_head(const Source& source, std::uint32_t i, std::vector<std::byte>& buffer) {
  buffer.resize(kHead);
  std::ifstream file(source.name(i), std::ios::binary);
  file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
  buffer.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
}

// One processor's part.
struct Part {
  std::map<PictureCensus::Shape, std::uint64_t> shapes;
  std::vector<BadPicture> bad;
  std::vector<std::byte> buffer;
  std::unique_ptr<Decoder> decoder;
  Image image;

  void look(const Source& source, std::uint32_t i, bool deep) {
    std::optional<PictureHeader> header;
    if (!deep) {
      read_head(source, i, buffer);
      header = read_picture_header(buffer);
    }
    if (!header) {
      source.read(i, buffer);
      header = read_picture_header(buffer);
    }
    if (!header || deep) {
      // The decoder's words for what is wrong with it.
      if (!decoder) decoder = make_decoder();
      decoder->decode(buffer, image);
    }
    if (!header) return;
    if (!picture_size_allowed(header->width, header->height))
      throw picture_size_error(header->width, header->height);
    ++shapes[{*header}];
  }
};

std::string shape_text(const PictureHeader& header) {
  return std::string(name_of(header.format)) + " " + std::to_string(header.width) + " x " +
         std::to_string(header.height) + " with " + std::to_string(header.channels) + " channels";
}

}  // namespace

bool PictureCensus::Shape::operator<(const Shape& other) const {
  const auto key = [](const PictureHeader& header) {
    return std::tuple(header.format, header.width, header.height, header.channels);
  };
  return key(header) < key(other.header);
}

PictureCensus census(const Source& source, bool deep) {
  std::vector<Part> parts(parallel_threads());
  in_parallel(source.size(), [&](unsigned thread, std::uint64_t i) {
    const auto sample = static_cast<std::uint32_t>(i);
    try {
      parts[thread].look(source, sample, deep);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInput) throw;
      parts[thread].bad.push_back({sample, source.name(sample), error.what()});
    }
  });
  PictureCensus all;
  all.pictures = source.size();
  all.deep = deep;
  for (Part& part : parts) {
    for (const auto& [shape, count] : part.shapes) all.shapes[shape] += count;
    all.bad.insert(all.bad.end(), part.bad.begin(), part.bad.end());
  }
  std::sort(all.bad.begin(), all.bad.end(), [](const auto& a, const auto& b) { return a.sample < b.sample; });
  return all;
}

Findings picture_findings(const PictureCensus& census, const std::string& name) {
  const std::string what = census.deep ? "pictures" : "picture headers";
  Findings findings;
  if (!census.bad.empty()) {
    const BadPicture& first = census.bad.front();
    const std::string text = std::to_string(census.bad.size()) + " of " + std::to_string(census.pictures) +
                             " cannot be used, the first: " + first.name + ": " + first.why;
    if (census.bad.size() > BadPictures::limit(census.pictures))
      findings.push_back(refused(ErrorKind::kInput, what, name,
                                 text + "; training stops above " +
                                     std::to_string(BadPictures::limit(census.pictures)) +
                                     ": write the list anew"));
    else
      findings.push_back(warning(what, name, text + "; each is replaced by another of its identity"));
  }
  std::uint64_t small = 0, other_size = 0, other_colour = 0;
  const PictureHeader* example = nullptr;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> sizes;
  for (const auto& [shape, count] : census.shapes) {
    const PictureHeader& header = shape.header;
    sizes[{header.width, header.height}] += count;
    if (std::min(header.width, header.height) < 32) small += count;
    if (header.channels != 3) other_colour += count;
    if (header.width == 112 && header.height == 112) continue;
    other_size += count;
    if (example == nullptr) example = &header;
  }
  if (small > 0)
    findings.push_back(
        warning(what, name, std::to_string(small) + " have a side below 32 pixels; leave them out"));
  if (sizes.size() > 1)
    findings.push_back(
        warning(what, name,
                std::to_string(sizes.size()) +
                    " different sizes; faces should be aligned and cut to one size (112 x 112) first"));
  else if (other_size > 0)
    findings.push_back(
        note(what, name, "all are " + shape_text(*example) + "; they are resized to model.input_size"));
  if (other_colour > 0)
    findings.push_back(
        note(what, name, std::to_string(other_colour) + " are not of three channels; they become RGB"));
  if (!findings.empty() || census.shapes.empty()) return findings;
  return {ok(what, name,
             std::to_string(census.pictures) + " x " + shape_text(census.shapes.begin()->first.header))};
}

}  // namespace facetrain
