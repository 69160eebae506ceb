#include "common/launch/mpirun_messages.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace facetrain;

namespace {

const std::string kRule(74, '-');

// The lines that a person sees.
std::string shown(const std::string& text, int node_processes = 3) {
  MpirunMessages messages(node_processes);
  std::istringstream lines(text);
  std::string result;
  const auto add = [&](const std::vector<std::string>& some) {
    for (const std::string& line : some) result += line + "\n";
  };
  for (std::string line; std::getline(lines, line);) add(messages.take(line));
  add(messages.finish());
  return result;
}

std::string banner(const std::string& text) {
  return kRule + "\n" + text + "\n" + kRule + "\n";
}

// As Open MPI 4.1.4 writes them.
const std::string kPrimary = banner(
    "Primary job  terminated normally, but 1 process returned\n"
    "a non-zero exit code. Per user-direction, the job has been aborted.");
const std::string kExit = banner(
    "mpirun detected that one or more processes exited with non-zero status, thus causing\n"
    "the job to be terminated. The first process to do so was:\n\n  Process name: [[328,1],0]\n  Exit code:  "
    "  66");
const std::string kAbort = banner(
    "MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD\nwith errorcode 78.\n\n"
    "NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.\n"
    "You may or may not see output from other processes, depending on\nexactly when Open MPI kills them.");

std::string killed(int rank) {
  return banner("mpirun noticed that process rank " + std::to_string(rank) +
                " with PID 0 on node n7 exited on signal 9 (Killed).");
}

}  // namespace

TEST_CASE("what processes say passes unchanged") {
  CHECK(shown("dataservice: a\n\n  b\n---\n") == "dataservice: a\n\n  b\n---\n");
}

TEST_CASE("that a rank copied out of the memory of a dead one is only said by its death") {
  CHECK(shown("[vm:16848] Read -1, expected 156928, errno = 3\n" + killed(2)) ==
        "facetrain: rank 2 (trainer) on n7 was killed by signal 9 (Killed)\n");
  CHECK(shown("[vm:1] Write -1, expected 8, errno = 3\n") == "");
  // Any other failure of it is a reason of its own: 1 is EPERM, a sandbox that forbids such copies.
  CHECK(shown("[vm:16848] Read -1, expected 156928, errno = 1\n") ==
        "[vm:16848] Read -1, expected 156928, errno = 1\n");
}

TEST_CASE("banners about an ended job do not bury the reason") {
  CHECK(shown("dataservice: list is empty\n" + kPrimary + kExit) == "dataservice: list is empty\n");
  CHECK(shown(kAbort + "trainer: x\n") == "trainer: x\n");
  CHECK(shown(kRule + "\nPrimary job  terminated normally, but 1 process returned\ntrainer: between\n" +
              kRule + "\n") == "trainer: between\n");
  CHECK(shown("[vm:28040] [[374,0],0] ORTE_ERROR_LOG: Data unpack would read past end of buffer in file "
              "../../../orte/util/show_help.c at line 507\n") == "");
  CHECK(
      shown(
          "[vm:1] 1 more process has sent help message help-mpi-api.txt / mpi-abort\n"
          "[vm:1] Set MCA parameter \"orte_base_help_aggregate\" to 0 to see all help / error messages\n") ==
      "");
}

TEST_CASE("a killed process is named in one line") {
  CHECK(shown(kPrimary + killed(0)) ==
        "facetrain: rank 0 (dataservice) on n7 was killed by signal 9 (Killed)\n");
  CHECK(shown(killed(2)) == "facetrain: rank 2 (trainer) on n7 was killed by signal 9 (Killed)\n");
  CHECK(shown(killed(3)) ==
        "facetrain: rank 3 (dataservice) on n7 was killed by signal 9 (Killed)\n");  // second node
}

TEST_CASE("other banners pass whole") {
  const std::string slots =
      banner("There are not enough slots available in the system to satisfy the 3\nslots");
  CHECK(shown(slots) == slots);
  const std::string cut = kRule + "\nhalf a banner\n";
  CHECK(shown(cut) == cut);
}

TEST_CASE("a rule in a process's output does not hold back the rest") {
  std::string text = kRule + "\n";
  for (int i = 0; i < 300; ++i) text += "line\n";
  MpirunMessages messages(3);
  std::size_t seen = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) seen += messages.take(line).size();
  CHECK(seen == 301);
}
