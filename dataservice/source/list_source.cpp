#include "dataservice/source/list_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/ipc/fd.hpp"
#include "dataservice/decode/limits.hpp"
#include "dataservice/source/line_reader.hpp"

namespace facetrain {

namespace {

void each_line(const std::string& path, const ListSource::Take& take) {
  LineReader lines(path);
  for (std::string_view line; lines.next_filled(line);) {
    if (line.size() > TextStore::kLongest) lines.fail("this path is too long", line);
    if (folder_of(line).empty())
      lines.fail("no folder in front of the file name (its name is the identity)", line);
    take(line);
  }
}

}  // namespace

ListSource::ListSource(const std::string& path)
    : ListSource([&](const Take& take) { each_line(path, take); }, path) {}

ListSource::ListSource(const std::function<void(const Take&)>& each, const std::string& name) {
  IdentitySorter sorter;
  each([&](std::string_view path) {
    sorter.add(folder_of(path));
    paths_.add(path);
  });
  if (paths_.size() == 0)
    throw Error(ErrorKind::kInput,
                name + " is empty: it names no picture; write a list with: facetrain list -s FOLDER");
  order_ = sorter.sorted();
  warnings_ = sorter.warnings(name);
}

void ListSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  // On the stack: this runs once per picture and allocates nothing.
  char path[TextStore::kLongest + 1];
  path[paths_.get(order_.place(i), path).size()] = '\0';
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  const int fd = file.get();
  const auto fail = [&](const std::string& action, int error) {
    throw Error(kind_of_read_failure(error), with_errno(action + " " + name(i), error));
  };
  if (fd < 0) fail("open", errno);
  struct stat status {};
  int failed = fstat(fd, &status) == 0 ? 0 : errno;
  const std::uint64_t size =
      failed == 0 && status.st_size > 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  require_encoded_size(size, [&] { return name(i); });
  buffer.resize(size);
  std::size_t have = 0;
  while (failed == 0 && have < buffer.size()) {
    const ssize_t n = ::read(fd, buffer.data() + have, buffer.size() - have);
    if (n == 0) break;
    if (n > 0)
      have += static_cast<std::size_t>(n);
    else if (errno != EINTR)
      failed = errno;
  }
  if (failed != 0) fail("read", failed);
  buffer.resize(have);
}

}  // namespace facetrain
