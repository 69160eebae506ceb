// Which GPU a trainer takes.

#include <string>
#include <vector>

#include "common/error.hpp"
#include "trainer/cuda/device.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

TEST_CASE("the local index picks the GPU; a single visible one is the trainer's own") {
  CHECK(pick_device(0, 4, 4) == 0);
  CHECK(pick_device(3, 4, 4) == 3);
  CHECK(pick_device(1, 2, 8) == 1);
  CHECK(pick_device(3, 4, 1) == 0);
}

TEST_CASE("more trainers than GPUs: refused with both numbers, on every rank alike") {
  for (int rank = 0; rank < 4; ++rank) {
    try {
      pick_device(rank, 4, 2);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::kConfig);
      CHECK(std::string(error.what()).find("4 trainers on this node but 2 GPUs") == 0);
    }
  }
}

TEST_CASE("launch.gpus names the devices in the order of the node's trainers") {
  const std::vector<std::int64_t> gpus{2, 0};
  CHECK(pick_device(0, 2, 4, gpus) == 2);
  CHECK(pick_device(1, 2, 4, gpus) == 0);
  CHECK(pick_device(0, 2, 1, gpus) == 0);
  CHECK_THROWS_WITH_AS(pick_device(0, 3, 4, gpus), doctest::Contains("3 trainers on this node but 2 GPUs"),
                       Error);
  CHECK_THROWS_WITH_AS(pick_device(0, 2, 2, gpus), doctest::Contains("launch.gpus names GPU 2 but only 2"),
                       Error);
}
