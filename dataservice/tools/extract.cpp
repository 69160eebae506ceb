// facetrain extract: the challenge's xz-compressed .npy becomes DIR/images.npy.
#include <filesystem>
#include <ostream>

#include "common/error.hpp"
#include "common/io/npy.hpp"
#include "dataservice/tools/command.hpp"
#include "dataservice/tools/xz.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeaderBytes = 4096;  // more than any plain array's header

void run(const Flags& flags, std::ostream& out) {
  const std::string source = flags.text("FILE.xz");
  const fs::path folder = flags.text("DIR");
  std::error_code error;
  const bool existed = fs::exists(folder, error);
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorKind::kIo, "create folder " + folder.string() + ": " + error.message());
  const std::string target = (folder / "images.npy").string();
  try {
    CheckedFile file(target);
    std::vector<std::byte> head;
    std::uint64_t total = 0;
    decompress_xz(source, [&](std::span<const std::byte> part) {
      if (head.size() < kHeaderBytes) {
        head.insert(head.end(), part.begin(),
                    part.begin() + static_cast<std::ptrdiff_t>(std::min(part.size(), kHeaderBytes)));
        if (head.size() >= kHeaderBytes) parse_npy_header(head, source);  // fail early, not after gigabytes
      }
      total += part.size();
      file.write(part);
    });
    const NpyHeader header = parse_npy_header(head, source);
    if (total != header.data_offset + header.data_bytes())
      throw Error(ErrorKind::kInput, source + ": the .npy inside is " + std::to_string(total) +
                                         " bytes long, its header promises " +
                                         std::to_string(header.data_offset + header.data_bytes()));
    file.commit();
    out << target << ": " << header.dtype;
    for (const std::uint64_t n : header.shape) out << " " << n;
    out << "\n";
  } catch (...) {
    if (!existed) fs::remove(folder, error);  // only if empty
    throw;
  }
}

}  // namespace

Command extract_command() {
  return {"extract",
          "Unpack the challenge's FILE.xz to DIR/images.npy, for facetrain submit",
          {{{"FILE.xz"}, "", "the downloaded file", true}, {{"DIR"}, "", "folder for images.npy", true}},
          run};
}

}  // namespace facetrain
