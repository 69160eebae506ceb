#include "dataservice/serve/unknown_peers.hpp"

#include <utility>

namespace facetrain {

UnknownPeers::Ticket UnknownPeers::admit(std::function<void()> drop) {
  waiting_.emplace(next_, std::move(drop));
  if (waiting_.size() > kMost) waiting_.extract(waiting_.begin()).mapped()();
  return next_++;
}

bool UnknownPeers::dismiss(Ticket ticket) {
  return waiting_.erase(ticket) > 0;
}

std::string UnknownPeers::turned_away(const Peer& peer, const std::string& why) {
  if (told_ >= kTold) return "";
  ++told_;
  return "WARNING: process " + std::to_string(peer.process) + " of user " + std::to_string(peer.user) +
         " connected to the data service's socket and was turned away: " + why + "; training goes on" +
         (told_ == kTold ? "; more of them are not told of" : "");
}

}  // namespace facetrain
