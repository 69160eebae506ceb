// The launcher as the parent of mpirun, for what would take tests/e2e/launch.sh too long: an mpirun that is
// deaf.
#include "common/launch/run_job.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "common/stop_signal.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

namespace {

struct Ended {
  int code = -1;
  double seconds = 0;  // from the signal on
  std::string errors;
};

// Runs `script` as mpirun in a launcher of its own; sends SIGTERM to that once the script has made ./ready.
Ended stopped(const std::string& script, std::chrono::seconds grace) {
  const test::TemporaryFolder folder;
  const pid_t launcher = ::fork();
  if (launcher == 0) {
    if (::chdir(folder.path().c_str()) != 0) ::_exit(99);
    ::dup2(::open("errors", O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    ::_exit(run_job({"sh", "-c", script}, 2, FirstSignal::kTerminate, grace));
  }
  while (!std::filesystem::exists(folder / "ready"))
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto begin = std::chrono::steady_clock::now();
  ::kill(launcher, SIGTERM);
  int status = 0;
  ::waitpid(launcher, &status, 0);
  Ended ended;
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::ifstream errors(folder / "errors");
  ended.errors.assign(std::istreambuf_iterator<char>(errors), {});
  return ended;
}

}  // namespace

TEST_CASE("an mpirun that does not stop is killed after a while") {
  const Ended ended =
      stopped("trap '' TERM; touch ready; while :; do sleep 0.1; done", std::chrono::seconds(1));
  CHECK(ended.code == 143);
  CHECK(ended.seconds >= 1);
  CHECK(ended.seconds < 20);
  CHECK(ended.errors.find("SIGTERM: stopping the job") != std::string::npos);
  CHECK(ended.errors.find("facetrain: mpirun did not stop within 1 s: killing the job") != std::string::npos);
}

TEST_CASE("one that stops is not") {
  const Ended ended =
      stopped("trap 'exit 3' TERM; touch ready; while :; do sleep 0.1; done", std::chrono::seconds(60));
  CHECK(ended.code == 143);
  CHECK(ended.seconds < 20);
  CHECK(ended.errors.find("did not stop") == std::string::npos);
}

TEST_CASE("a signal that has come before there is a job keeps it from beginning") {
  const auto code_after = [](int signal, FirstSignal first) {
    const test::TemporaryFolder folder;
    const pid_t launcher = ::fork();
    if (launcher == 0) {
      ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
      hold_stop_signals(StopOn::kUsr1AndTerm);
      ::raise(signal);
      ::_exit(run_job({"touch", folder / "started"}, 2, first));
    }
    int status = 0;
    ::waitpid(launcher, &status, 0);
    CHECK(!std::filesystem::exists(folder / "started"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  CHECK(code_after(SIGUSR1, FirstSignal::kCheckpoint) == 75);
  CHECK(code_after(SIGTERM, FirstSignal::kCheckpoint) == 75);
  CHECK(code_after(SIGTERM, FirstSignal::kTerminate) == 143);
}

TEST_CASE("mpirun does not inherit that signals are held back") {
  const pid_t launcher = ::fork();
  if (launcher == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    hold_stop_signals(StopOn::kUsr1AndTerm);
    ::_exit(run_job({"sh", "-c", "kill -TERM $$; exit 3"}, 2, FirstSignal::kCheckpoint));
  }
  int status = 0;
  ::waitpid(launcher, &status, 0);
  CHECK(WEXITSTATUS(status) == 143);
}
