// facetrain align: pictures with five facial points become 112 x 112 crops, as the parent's eval_ijb.py makes
// them before its network (Embedding.get), and a list of them for facetrain embed.
#include <filesystem>
#include <ostream>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/number.hpp"
#include "dataservice/align/encode_png.hpp"
#include "dataservice/align/similarity.hpp"
#include "dataservice/align/warp_affine.hpp"
#include "dataservice/decode/decoder.hpp"
#include "dataservice/decode/limits.hpp"
#include "dataservice/tools/command.hpp"
#include "dataservice/tools/parallel.hpp"
#include "dataservice/tools/picture_file.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 112;

struct Face {
  std::string name;
  AffineMatrix matrix{};
};

// "NAME x1 y1 .. x5 y5 [score]" -> the name and the transform. Coordinates are float32 in the parent.
Face face_of(std::string_view line, const std::string& where) {
  std::vector<std::string_view> fields;
  for (std::string_view rest = line;;) {
    const std::size_t start = rest.find_first_not_of(" \t\r");
    if (start == rest.npos) break;
    rest.remove_prefix(start);
    fields.push_back(rest.substr(0, rest.find_first_of(" \t\r")));
    rest.remove_prefix(fields.back().size());
  }
  if (fields.size() != 11 && fields.size() != 12)
    throw Error(ErrorKind::kInput,
                where + ": " + std::to_string(fields.size()) +
                    " fields; a line is a picture's name, five points (x y), and perhaps a score");
  std::string name(fields[0]);
  if (!is_safe_name(name))
    throw Error(ErrorKind::kInput,
                where + ": " + name + " leads out of --images and --destination; names are relative to them");
  FivePoints points;
  for (std::size_t i = 0; i < 10; ++i) {
    const std::string_view word = fields[i + 1];
    const auto value = parse_number<float>(word);
    if (!value) throw Error(ErrorKind::kInput, where + ": \"" + std::string(word) + "\" is not a number");
    (i % 2 == 0 ? points[i / 2].x : points[i / 2].y) = *value;
  }
  const auto matrix = similarity_transform(points, arcface_points());
  if (!matrix) throw Error(ErrorKind::kInput, where + ": the five points are one, or not finite");
  return {std::move(name), *matrix};
}

std::vector<Face> read_faces(const std::string& path) {
  const MappedFile file(path);
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::vector<Face> faces;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    if (line.find_first_not_of(" \t\r") != line.npos)
      faces.push_back(face_of(line, path + ":" + std::to_string(number)));
  }
  if (faces.empty()) throw Error(ErrorKind::kInput, path + " is empty: it names no picture");
  return faces;
}

struct Worker {
  std::unique_ptr<Decoder> decoder = make_decoder();
  Image decoded, aligned;
};

void run(const Flags& flags, std::ostream& out) {
  const std::string list = flags.text("--landmarks");
  const fs::path images = flags.text("--images"), folder = flags.text("--destination");
  const std::vector<Face> faces = read_faces(list);
  std::vector<std::string> targets;
  std::unordered_set<std::string> taken;
  for (const Face& face : faces) {
    targets.push_back((folder / fs::path(face.name).replace_extension(".png")).string());
    if (!taken.insert(targets.back()).second)
      throw Error(ErrorKind::kInput, list + ": two pictures would become " + targets.back());
    std::error_code error;
    fs::create_directories(fs::path(targets.back()).parent_path(), error);
    if (error) throw Error(ErrorKind::kIo, "create folder of " + targets.back() + ": " + error.message());
  }
  std::vector<Worker> workers(parallel_threads());
  in_parallel(faces.size(), [&](unsigned thread, std::uint64_t i) {
    Worker& worker = workers[thread];
    const std::string source = (images / faces[i].name).string();
    try {
      worker.decoder->decode(read_file(source, kMaxEncodedPicture), worker.decoded);
    } catch (const Error& bad) {
      const std::string reason = bad.what();
      throw Error(bad.kind(), reason.find(source) == reason.npos ? source + ": " + reason : reason);
    }
    warp_affine(worker.decoded, faces[i].matrix, kSide, kSide, worker.aligned);
    // Not synced: the list, which comes last, tells that all are there.
    write_picture(targets[i], encode_png(worker.aligned));
  });
  CheckedFile aligned((folder / "aligned.txt").string());
  for (const std::string& target : targets) aligned.write(target + "\n");
  aligned.commit();
  out << faces.size() << " aligned pictures: " << aligned.path() << "\n";
}

}  // namespace

Command align_command() {
  return {"align",
          "Cut pictures with five facial points to 112 x 112, as for IJB-B and IJB-C; the list is for "
          "facetrain embed",
          {{{"--landmarks"},
            "FILE",
            "a line per picture: its name, five points (x y), perhaps a score (ijbc_name_5pts_score.txt)",
            true},
           {{"--images"}, "DIR", "folder of the pictures (IJBC/loose_crop)", true},
           {{"--destination", "-d"},
            "DIR",
            "folder for NAME.png, and aligned.txt, the list of all in order",
            true}},
          run};
}

}  // namespace facetrain
