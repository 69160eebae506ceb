// Connections that have not said hello: how many may wait, who is dropped, what the log is told.
#include "dataservice/serve/unknown_peers.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace facetrain;

TEST_CASE("when too many wait, the one that has waited longest is dropped") {
  UnknownPeers peers;
  std::vector<std::size_t> dropped;
  std::vector<UnknownPeers::Ticket> tickets;
  const auto admit = [&] {
    tickets.push_back(peers.admit([&dropped, number = tickets.size()] { dropped.push_back(number); }));
  };
  for (std::size_t i = 0; i < UnknownPeers::kMost; ++i) admit();
  CHECK(dropped.empty());
  CHECK(peers.dismiss(tickets[0]));  // a trainer, say
  admit();
  CHECK(dropped.empty());
  admit();
  admit();
  CHECK(dropped == std::vector<std::size_t>{1, 2});
  CHECK_FALSE(peers.dismiss(tickets[1]));
  CHECK(peers.dismiss(tickets[3]));
  CHECK_FALSE(peers.dismiss(tickets[3]));
}

TEST_CASE("the log names process, user and reason, and is not filled by a crowd") {
  UnknownPeers peers;
  CHECK(
      peers.turned_away({4711, 1000}, "it is another user's") ==
      "WARNING: process 4711 of user 1000 connected to the data service's socket and was turned away: it is "
      "another user's; training goes on");
  for (int i = 1; i < UnknownPeers::kTold; ++i) {
    const std::string line = peers.turned_away({1, 0}, "noise");
    CHECK(line.ends_with("more of them are not told of") == (i + 1 == UnknownPeers::kTold));
    CHECK(line.find("noise; training goes on") != std::string::npos);
  }
  CHECK(peers.turned_away({1, 0}, "noise").empty());
}
