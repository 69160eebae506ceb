// `facetrain unpack`: a source becomes a folder of folders, one for each identity, with the pictures' bytes
// as they are (the parent's utils/lmdb2dataset.py encodes them again).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataservice/source/source.hpp"

namespace facetrain {

// The folders' names by label: those that the source's keys carry, when all of them are one plain name; else
// the labels, with as many digits as sort in their order. Throws Error(kInput): a name leads out of the
// target (.., an absolute path, control characters), so somebody made this file to write elsewhere.
std::vector<std::string> unpack_folders(std::span<const std::string> given, std::uint32_t classes,
                                        const std::string& where);

// Writes OUT/FOLDER/NUMBER.jpg, numbered from 0 within an identity, in the source's order. A picture that is
// there already is left as it is, so a run that was cut short is continued; each appears complete or not at
// all. Returns how many were there. Throws Error(kInput): a file with other content is there, or a picture
// cannot be read; Error(kIo).
std::uint32_t unpack(const Source& source, std::span<const std::string> folders, const std::string& out);

}  // namespace facetrain
