// Connections to a data service's socket from which no hello has come yet. Every process of the machine may
// make them (the name is abstract, and listed in /proc/net/unix): they are few at a time, wait for a short
// time, and are told of in the log, so that they can neither hold up the job nor use up its descriptors.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "common/ipc/frame_socket.hpp"

namespace facetrain {

class UnknownPeers {
 public:
  static constexpr std::size_t kMost = 32;          // at a time
  static constexpr std::chrono::seconds kWait{10};  // trainers say hello as soon as they are connected
  static constexpr int kTold = 10;                  // lines of the log

  using Ticket = std::uint64_t;
  // One more waits; drop() ends its wait. When there are more than kMost, the one that has waited longest is
  // dropped: a trainer's hello comes at once.
  Ticket admit(std::function<void()> drop);
  // Its wait is over. False when it was dropped.
  bool dismiss(Ticket ticket);

  // The line to log about one that was turned away; empty once there were kTold of them.
  std::string turned_away(const Peer& peer, const std::string& why);

 private:
  std::map<Ticket, std::function<void()>> waiting_;  // the first has waited longest
  Ticket next_ = 0;
  int told_ = 0;
};

}  // namespace facetrain
