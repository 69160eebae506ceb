// The one exception type of facetrain. A program's main catches it, logs what() as one line and exits with
// exit_code(kind). Messages say what went wrong, where (file, rank, key), and what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace facetrain {

enum class ErrorKind {
  kInput = 66,     // a file or picture that cannot be used (sysexits EX_NOINPUT)
  kInternal = 70,  // a bug, or a peer that died (EX_SOFTWARE)
  kIo = 74,        // writing or reading failed: disk full, stalled storage (EX_IOERR)
  kConfig = 78,    // the configuration, the command line or the launch is wrong (EX_CONFIG)
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// The exit code of a job that was asked to stop and has written a checkpoint: the same command goes on
// (sysexits EX_TEMPFAIL).
constexpr int kExitCheckpointed = 75;

// The process exit code for an error: 66, 70, 74 or 78.
inline int exit_code(ErrorKind kind) {
  return static_cast<int>(kind);
}

// "open /a/b: No such file or directory": `what` with errno's text appended.
std::string with_errno(const std::string& what, int error_number);

// What a main's catch logs and exits with, for the exception being handled: an Error's text and code; of
// anything else the first line and 70 (LibTorch appends a stack trace).
struct Failure {
  std::string text;
  int code = 70;
};
Failure current_failure();

}  // namespace facetrain
