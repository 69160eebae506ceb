// Frames and descriptors between two real processes.
#include <doctest/doctest.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <iostream>

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"
#include "common/ipc/ring_consumer.hpp"
#include "common/ipc/shared_memory.hpp"

using namespace facetrain;

namespace {

// Runs `child(socket)` in a forked process with one end of a socket pair, returns the other end and the
// process.
template <typename F>
std::pair<Fd, pid_t> with_child(F child) {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    ::_exit(child(Fd(ends[1])));
  }
  ::close(ends[1]);
  return {Fd(ends[0]), pid};
}

int exit_status(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr std::chrono::milliseconds kSoon{5000};

}  // namespace

TEST_CASE("a child writes into the memory whose descriptor it was sent") {
  auto [socket, pid] = with_child([](const Fd& end) {
    Fd memfd;
    const auto message = receive_frame(end, &memfd, kSoon, nullptr);
    if (!message || message->type != MessageType::kWelcome || !memfd) return 1;
    Mapping memory(memfd, message->welcome.total_bytes);
    memory.bytes()[4097] = std::byte{7};
    send_frame(end.get(), Message(Free{2}));
    return 0;
  });
  const Fd memfd = create_sealed_memfd("facetrain-test", 8192);
  Mapping memory(memfd, 8192);
  Welcome welcome;
  welcome.total_bytes = 8192;
  send_frame(socket.get(), Message(welcome), &memfd);
  const auto answer = receive_frame(socket, nullptr, kSoon, nullptr);
  REQUIRE(answer);
  CHECK(answer->type == MessageType::kFree);
  CHECK(answer->free.slot == 2);
  CHECK(memory.bytes()[4097] == std::byte{7});
  CHECK(exit_status(pid) == 0);
}

TEST_CASE("a peer's death is an end-of-file, its silence a time-out") {
  auto [socket, pid] = with_child([](const Fd& end) {
    (void)receive_frame(end, nullptr, kSoon, nullptr);
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  bool timed_out = false;
  CHECK_FALSE(receive_frame(socket, nullptr, std::chrono::milliseconds(30), &timed_out));
  CHECK(timed_out);
  send_frame(socket.get(), Message());
  CHECK_FALSE(receive_frame(socket, nullptr, kSoon, &timed_out));
  CHECK_FALSE(timed_out);
  CHECK(exit_status(pid) == -1);
  bool sent = true;
  for (int i = 0; i < 10 && sent; ++i) sent = try_send_frame(socket.get(), Message());
  CHECK_FALSE(sent);
}

TEST_CASE("a descriptor nobody asked for is closed, not leaked") {
  auto [socket, pid] = with_child([](const Fd& end) {
    const int lowest_free = ::dup(end.get());
    ::close(lowest_free);
    if (!receive_frame(end, nullptr, kSoon, nullptr)) return 1;
    return ::dup(end.get()) == lowest_free ? 0 : 2;
  });
  const Fd memfd = create_sealed_memfd("facetrain-test", 4096);
  send_frame(socket.get(), Message(Welcome{}), &memfd);
  CHECK(exit_status(pid) == 0);
}

TEST_CASE("nobody listening is an error that names the socket") {
  CHECK_THROWS_WITH_AS(connect_abstract(service_socket_name(0x1234, 0)),
                       doctest::Contains("facetrain-0000000000001234-0"), Error);
}

TEST_CASE("the kernel tells who is at the other end") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Fd one(ends[0]), other(ends[1]);
  CHECK(peer_of(one.get()).process == ::getpid());
  CHECK(peer_of(one.get()).user == ::geteuid());
  CHECK(is_own(peer_of(one.get())));
  CHECK_FALSE(is_own({1, ::geteuid() + 1}));
  CHECK_THROWS_WITH_AS(peer_of(-1), doctest::Contains("SO_PEERCRED"), Error);
}

TEST_CASE("a trainer speaks to no other user's data service") {
  if (::geteuid() != 0) {
    std::cout << "SKIPPED: only root can become another user\n";
    return;
  }
  const std::string name = service_socket_name(static_cast<std::uint64_t>(::getpid()), 0);
  auto [socket, pid] = with_child([&name](const Fd& end) {
    if (::setuid(65534) != 0) return 1;
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return 2;
    if (::listen(listener.get(), 1) != 0) return 3;
    send_frame(end.get(), Message());
    (void)receive_frame(end, nullptr, kSoon * 4, nullptr);
    return 0;
  });
  REQUIRE(receive_frame(socket, nullptr, kSoon, nullptr));
  CHECK_THROWS_WITH_AS(RingConsumer(name, Hello{}, kSoon),
                       doctest::Contains(" of user 65534, not this job's data service"), Error);
  send_frame(socket.get(), Message());
  CHECK(exit_status(pid) == 0);
}
