#include "tests/bench/peer_process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "common/error.hpp"

namespace facetrain::bench {

PeerProcess::PeerProcess(const std::vector<std::string>& command)
    : name_(command.size() > 1 ? command[1] : command[0]) {
  int in[2], out[2];
  // Closed in other peers: one that holds this one's input keeps it from its end.
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
    throw Error(ErrorKind::kInternal, with_errno("pipe", errno));
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  to_ = ::fdopen(in[1], "w");
  from_ = ::fdopen(out[0], "r");
}

PeerProcess::~PeerProcess() {
  std::fclose(to_);
  std::fclose(from_);
  ::waitpid(pid_, nullptr, 0);
}

void PeerProcess::ended() const {
  throw Error(ErrorKind::kInput, name_ + " ended early (its error is above)");
}

void PeerProcess::tell(const std::string& line) {
  std::fprintf(to_, "%s\n", line.c_str());
  std::fflush(to_);
}

std::string PeerProcess::line() {
  char text[1000];
  if (std::fgets(text, sizeof text, from_) == nullptr) ended();
  std::string line = text;
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

void PeerProcess::read(std::span<std::byte> bytes) {
  if (std::fread(bytes.data(), 1, bytes.size(), from_) != bytes.size()) ended();
}

Cost PeerProcess::cost_of(const std::string& line) {
  tell(line);
  const std::string answer = this->line();
  Cost cost;
  if (std::sscanf(answer.c_str(), "%lf %lf", &cost.cpu_us, &cost.wall_us) != 2)
    throw Error(ErrorKind::kInput, name_ + " gave no times but: " + answer);
  return cost;
}

}  // namespace facetrain::bench
