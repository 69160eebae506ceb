// All pictures of a source, on all processors: their headers, or (deep) their pixels too.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/check/finding.hpp"
#include "dataservice/check/picture_header.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

struct BadPicture {
  std::uint32_t sample = 0;
  std::string name, why;
};

struct PictureCensus {
  struct Shape {
    PictureHeader header;
    bool operator<(const Shape& other) const;
  };
  std::uint64_t pictures = 0;
  std::map<Shape, std::uint64_t> shapes;  // format, size and channels -> how many
  std::vector<BadPicture> bad;            // by sample
  bool deep = false;
};

// Reads each picture's header: of a file its first 32 KiB, and all of it only where the header lies behind
// them; of a packed source the whole record. `deep` decodes every picture as training does.
PictureCensus census(const Source& source, bool deep);

// Refused: more bad pictures than training takes (more than max(10, 0.1 %), serve/bad_pictures.hpp). Warned:
// any bad picture, sides below 32 pixels, several sizes. Noted: pictures that are not 112 x 112 (they are
// resized), grey or four-channel ones (they become RGB). Else one kOk.
Findings picture_findings(const PictureCensus& census, const std::string& name);

}  // namespace facetrain
