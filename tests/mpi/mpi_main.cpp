// doctest's main under MPI: the same cases on every rank; ranks above 0 speak only when they fail; every
// rank's exit code is non-zero when any rank failed. After each case the ranks meet on a communicator of
// their own: one that failed gives the others 20 s to come, one that passed 150 s; then it ends the job with
// MPI_Abort and says so.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <chrono>
#include <iostream>
#include <optional>
#include <sstream>

#include "tests/mpi/world.hpp"
#include "trainer/comm/mpi_communicator.hpp"

namespace {

using namespace facetrain;

struct World {
  MpiSession session;
  MpiComm control{duplicate_world(session)};
  MpiCommunicator trainers{duplicate_world(session)};
  std::ostringstream quiet;  // what ranks above 0 would have said

  // The number of ranks for which `failed` is true; nothing when not all came in time.
  std::optional<int> count(bool failed, std::chrono::seconds patience) {
    auto sum = std::make_shared<int>(failed ? 1 : 0);
    auto done = session.start([sum, comm = control.handle()](MPI_Request* request) {
      check_mpi(MPI_Iallreduce(MPI_IN_PLACE, sum.get(), 1, MPI_INT, MPI_SUM, comm, request),
                "MPI_Iallreduce");
    });
    if (done.wait_for(patience) != std::future_status::ready) return {};
    done.get();
    return *sum;
  }

  void speak() {
    if (session.rank() > 0)
      std::cout << "rank " << session.rank() << " of " << session.size() << ":\n" << quiet.str();
    std::cout.flush();
  }
};

World* g_world = nullptr;  // doctest constructs its listeners itself and hands them nothing

class Meeting : public doctest::IReporter {
 public:
  explicit Meeting(const doctest::ContextOptions&) {}
  void test_case_start(const doctest::TestCaseData& data) override { name_ = data.m_name; }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    const bool failed = stats.failure_flags != 0;
    const auto failures = g_world->count(failed, std::chrono::seconds(failed ? 20 : 150));
    if (failures) return;
    std::cout << "rank " << g_world->session.rank() << (failed ? " failed" : " passed") << " in \"" << name_
              << "\" and waited in vain for the other ranks to finish it; ending the job\n";
    g_world->speak();
    g_world->session.abort(1);
  }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  std::string name_;
};
REGISTER_LISTENER("meeting", 0, Meeting);

}  // namespace

namespace facetrain::test {
MpiSession& session() {
  return g_world->session;
}
Communicator& world() {
  return g_world->trainers;
}
}  // namespace facetrain::test

int main(int argc, char** argv) {
  World world;
  g_world = &world;
  doctest::Context context(argc, argv);
  context.setOption("no-breaks", true);
  if (world.session.rank() > 0) context.setCout(&world.quiet);
  const int result = context.run();
  if (result != 0) world.speak();
  const auto failures = world.count(result != 0, std::chrono::seconds(60));
  return failures == 0 ? 0 : 1;
}
