// Pictures that a tool writes below a folder of the user's, by names that a file brought along.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace facetrain {

// Does FOLDER/name lie below FOLDER? Not with an absolute name, `..`, or control characters in it.
bool is_safe_name(const std::string& name);

// The picture appears complete or not at all. Not synced one by one (there are hundreds of thousands). Throws
// Error(kIo).
void write_picture(const std::filesystem::path& path, const std::vector<std::byte>& bytes);

}  // namespace facetrain
