#include "common/ipc/frame_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/error.hpp"
#include "common/formatted.hpp"

namespace facetrain {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::kInternal, with_errno(what, errno));
}

struct DescriptorBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int))] = {};
};

void take_descriptor(msghdr& header, Fd* passed) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
    Fd owned(fd);  // closed at once when the caller does not want it
    if (passed != nullptr) *passed = std::move(owned);
  }
}

}  // namespace

std::string service_socket_name(std::uint64_t nonce, int node) {
  return "facetrain-" + hex(nonce) + "-" + std::to_string(node);
}

Fd connect_abstract(const std::string& name) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) fail("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy_n(name.data(), std::min(name.size(), sizeof address.sun_path - 1), address.sun_path + 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    fail("cannot reach the data service at @" + name);
  }
  return socket;
}

Peer peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) fail("getsockopt SO_PEERCRED");
  return {credentials.pid, credentials.uid};
}

bool is_own(const Peer& peer) {
  return peer.user == ::geteuid();
}

void send_frame(int socket, const Message& message, const Fd* passed) {
  if (!try_send_frame(socket, message, passed)) fail("sending to the peer");
}

bool try_send_frame(int socket, const Message& message, const Fd* passed) {
  std::size_t sent = 0;
  while (sent < sizeof message) {
    iovec part{const_cast<char*>(reinterpret_cast<const char*>(&message)) + sent, sizeof message - sent};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    DescriptorBuffer control;
    if (passed != nullptr && sent == 0) {
      header.msg_control = control.bytes;
      header.msg_controllen = sizeof control.bytes;
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = passed->get();
      std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    const ssize_t n = ::sendmsg(socket, &header, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 &&
        (errno == EAGAIN || errno == EWOULDBLOCK)) {  // Asio's sockets do not block; frames are small
      pollfd wait{socket, POLLOUT, 0};
      ::poll(&wait, 1, -1);
      continue;
    }
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
    if (n < 0) fail("sending to the peer");
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<Message> receive_frame(const Fd& socket, Fd* passed, std::chrono::milliseconds timeout,
                                     bool* timed_out) {
  Message message;
  std::size_t got = 0;
  if (timed_out != nullptr) *timed_out = false;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (got < sizeof message) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{socket.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::clamp<long long>(left.count(), 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) fail("poll");
    if (ready == 0) {
      if (std::chrono::steady_clock::now() < deadline) continue;  // poll takes 24 days at most
      if (timed_out != nullptr) *timed_out = true;
      return std::nullopt;
    }
    iovec part{reinterpret_cast<char*>(&message) + got, sizeof message - got};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    DescriptorBuffer control;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    const ssize_t n = ::recvmsg(socket.get(), &header, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return std::nullopt;
    if (n < 0) fail("receiving from the peer");
    take_descriptor(header, passed);
    got += static_cast<std::size_t>(n);
  }
  return message;
}

}  // namespace facetrain
