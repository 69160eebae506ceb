#include "dataservice/source/list_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "common/error.hpp"
#include "common/io/file.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kLongestPath = 65535;

struct Identity {
  std::string_view name;
  std::string_view folder;  // of its first picture, with the roots in front: tells two roots apart
};

// Numbers the identities in order of appearance. Lists are mostly grouped, so the previous line answers most
// questions.
class IdentityTable {
 public:
  std::uint32_t number_of(std::string_view folder, std::string_view name) {
    if (folder == last_folder_ && !identities_.empty()) return last_;
    const auto [place, fresh] = numbers_.try_emplace(name, static_cast<std::uint32_t>(identities_.size()));
    if (fresh) {
      identities_.push_back({name, folder});
    } else if (identities_[place->second].folder != folder) {
      if (merged_++ == 0) first_merge_ = {identities_[place->second].folder, folder};
    }
    last_folder_ = folder;
    last_ = place->second;
    return last_;
  }

  const std::vector<Identity>& identities() const { return identities_; }

  std::vector<std::string> warnings(const std::string& list) const {
    if (merged_ == 0) return {};
    return {list +
            ": the same folder name under different roots becomes one identity, as in the reference: " +
            std::string(first_merge_.first) + " and " + std::string(first_merge_.second) +
            (merged_ > 1 ? ", and more" : "") + "; rename the folders if these are different people"};
  }

 private:
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
  std::vector<Identity> identities_;
  std::string_view last_folder_;
  std::uint32_t last_ = 0;
  std::uint64_t merged_ = 0;
  std::pair<std::string_view, std::string_view> first_merge_;
};

}  // namespace

ListSource::ListSource(const std::string& path) : ListSource(read_file(path), path) {}

ListSource::ListSource(std::vector<std::byte> list, const std::string& path) : text_(std::move(list)) {
  const char* const text = reinterpret_cast<const char*>(text_.data());
  const std::string_view all(text, text_.size());
  std::vector<Image> unsorted;
  unsorted.reserve(static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n')) + 1);
  IdentityTable table;
  std::size_t number = 0;
  for (std::size_t start = all.starts_with("\xEF\xBB\xBF") ? 3 : 0; start < all.size();) {
    const std::size_t end = std::min(all.find('\n', start), all.size());
    std::string_view line = all.substr(start, end - start);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) {
      const auto fail = [&](const std::string& why) {
        throw Error(ErrorKind::kInput, path + ":" + std::to_string(number) + ": " + why + ": " +
                                           std::string(line.substr(0, 200)));
      };
      if (line.size() > kLongestPath) fail("this path is too long");
      const std::size_t slash = line.rfind('/');
      if (slash == std::string_view::npos || slash == 0 || line[slash - 1] == '/')
        fail("no folder in front of the file name (its name is the identity)");
      const std::string_view folder = line.substr(0, slash);
      const std::size_t above = folder.rfind('/');
      const std::string_view name = above == std::string_view::npos ? folder : folder.substr(above + 1);
      unsorted.push_back({static_cast<std::uint32_t>(start), static_cast<std::uint16_t>(start >> 32),
                          static_cast<std::uint16_t>(line.size()), table.number_of(folder, name)});
    }
    start = end + 1;
  }
  if (unsorted.empty())
    throw Error(ErrorKind::kInput,
                path + " is empty: it names no picture; write a list with: facetrain list -s FOLDER");
  if (unsorted.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::kInput, path + ": more than 2^32 - 1 pictures");

  // Sort the identities, not the lines; bytes of UTF-8 compare like Python's code points. Then a counting
  // sort.
  const auto& identities = table.identities();
  classes_ = static_cast<std::uint32_t>(identities.size());
  std::vector<std::uint32_t> order(classes_), label_of(classes_), next(classes_ + 1);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return identities[a].name < identities[b].name; });
  for (std::uint32_t i = 0; i < classes_; ++i) label_of[order[i]] = i;
  for (Image& image : unsorted) ++next[(image.label = label_of[image.label]) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  images_.resize(unsorted.size());
  for (const Image& image : unsorted) images_[next[image.label]++] = image;
  warnings_ = table.warnings(path);
}

void ListSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  char path[kLongestPath +
            1];  // a terminated copy on the stack: this runs once per picture and allocates nothing
  const std::string_view text = line(i);
  std::memcpy(path, text.data(), text.size());
  path[text.size()] = '\0';
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(ErrorKind::kInput, with_errno("open " + name(i), errno));
  struct stat status {};
  int failed = fstat(fd, &status) == 0 ? 0 : errno;
  buffer.resize(failed == 0 && status.st_size > 0 ? static_cast<std::size_t>(status.st_size) : 0);
  std::size_t have = 0;
  while (failed == 0 && have < buffer.size()) {
    const ssize_t n = ::read(fd, buffer.data() + have, buffer.size() - have);
    if (n == 0) break;
    if (n > 0)
      have += static_cast<std::size_t>(n);
    else if (errno != EINTR)
      failed = errno;
  }
  close(fd);
  if (failed != 0) throw Error(ErrorKind::kInput, with_errno("read " + name(i), failed));
  buffer.resize(have);
}

}  // namespace facetrain
