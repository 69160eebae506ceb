// Gradients that reach their buckets in half precision: a network under autocast, with GradientBuckets and
// without.
#include <ATen/ATen.h>

#include <vector>

#include "tests/mpi/world.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/comm/gradient_buckets.hpp"
#include "trainer/step/train_step.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

namespace {

at::Tensor images(int rank) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(100 + rank);
  return at::randn({2, 3, 112, 112}, generator, at::kFloat);
}

std::vector<at::Tensor> copies_of_gradients(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> all;
  for (const at::Tensor& p : parameters) all.push_back(p.grad().clone());
  return all;
}

}  // namespace

TEST_CASE("buckets hold the mean of what autograd alone leaves, in the parameters' type") {
  for (const bool checkpoint : {false, true})
    for (const int backwards : {1, 2}) {
      CAPTURE(checkpoint);
      CAPTURE(backwards);
      const BackboneSpec spec{.depth = "18", .dropout = 0, .checkpoint = checkpoint, .precision = "bf16"};
      const auto net = make_backbone(spec, 42);
      const std::vector<at::Tensor> parameters = trainable_parameters(*net);
      const auto pass = [&](int rank) { net->forward(images(rank), {}).square().sum().backward(); };
      std::vector<at::Tensor> expected;
      for (int rank = 0; rank < world().size(); ++rank) {  // every rank's share, one after the other
        for (at::Tensor p : parameters) p.mutable_grad() = at::Tensor();
        for (int i = 0; i < backwards; ++i) pass(rank);
        const std::vector<at::Tensor> own = copies_of_gradients(parameters);
        for (std::size_t i = 0; i < own.size(); ++i)
          rank == 0 ? expected.push_back(own[i]) : (void)expected[i].add_(own[i]);
      }
      for (at::Tensor p : parameters) p.mutable_grad() = at::Tensor();
      {
        GradientBuckets buckets(parameters, world());
        buckets.begin_step(backwards);
        CHECK(!parameters.front().grad_dtype());  // any
        for (int i = 0; i < backwards; ++i) pass(world().rank());
        buckets.finish();
        for (std::size_t i = 0; i < parameters.size(); ++i) {
          CAPTURE(i);
          const at::Tensor ours = parameters[i].grad();
          REQUIRE((ours.scalar_type() == at::kFloat));
          const at::Tensor mean = expected[i] / world().size();
          if (world().size() == 1)
            CHECK(at::equal(ours, mean));
          else
            CHECK((ours - mean).norm().item<double>() <= 1e-6 * mean.norm().item<double>());
        }
      }
      // The buckets gone, autograd again leaves gradients of the parameters' own type.
      pass(0);
      CHECK((parameters.front().grad().scalar_type() == at::kFloat));
    }
}
