#include "dataservice/source/line_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/error.hpp"
#include "common/io/file.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kWindow = std::size_t{1} << 20;
constexpr const char* kTooLong = "a line of more than 1 MiB; this is no list";

}  // namespace

LineReader::LineReader(std::string path)
    : name_(std::move(path)), fd_(open(name_.c_str(), O_RDONLY | O_CLOEXEC)), window_(kWindow) {
  struct stat status {};
  if (fd_.get() < 0 || fstat(fd_.get(), &status) != 0)
    throw Error(kind_of_read_failure(errno), with_errno("open " + name_, errno));
  if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::kInput, "open " + name_ + ": it is a folder");
  rest_ = std::string_view(window_.data(), window_.size()).substr(0, 0);  // the empty front of it
}

LineReader::LineReader(std::string_view text, std::string name)
    : name_(std::move(name)), rest_(text), is_read_(true) {}

// Moves what is left to the window's front and fills the rest; false when the file has no more.
bool LineReader::refill() {
  if (is_read_) return false;
  std::memmove(window_.data(), rest_.data(), rest_.size());
  ssize_t n = -1;
  do {
    n = ::read(fd_.get(), window_.data() + rest_.size(), window_.size() - rest_.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) throw Error(ErrorKind::kIo, with_errno("read " + name_, errno));
  rest_ = {window_.data(), rest_.size() + static_cast<std::size_t>(n)};
  is_read_ = n == 0;
  return n > 0;
}

bool LineReader::next(std::string_view& line) {
  std::size_t searched = 0, end = rest_.npos;
  while ((end = rest_.find('\n', searched)) == rest_.npos) {
    searched = rest_.size();
    if (!is_read_ && rest_.size() == window_.size()) {
      ++number_;
      fail(kTooLong, rest_);
    }
    if (!refill()) break;
  }
  if (end == rest_.npos && rest_.empty()) return false;
  line = rest_.substr(0, end);
  if (line.size() >= kWindow) {  // of a text in memory, which is not read through the window
    ++number_;
    fail(kTooLong, line);
  }
  rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
  if (number_++ == 0 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

bool LineReader::next_filled(std::string_view& line) {
  while (next(line))
    if (line.find_first_not_of(" \t") != line.npos) return true;
  return false;
}

void LineReader::fail(const std::string& why, std::string_view line) const {
  throw Error(ErrorKind::kInput,
              name_ + ":" + std::to_string(number_) + ": " + why + ": " + std::string(line.substr(0, 200)));
}

}  // namespace facetrain
