// The embedding job of one trainer rank (facetrain embed): the batches of a sequential plan through a trained
// network, into one .npy.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "common/mpi/job.hpp"
#include "common/mpi/session.hpp"
#include "common/watch/vitals.hpp"
#include "trainer/backbones/backbone.hpp"

namespace facetrain {

// images (B, 3, H, W) as the network takes them -> (B, E) float32 without gradient, on their device;
// add_flip: the mirrored pictures' embeddings are added. Rows whose id (see common/ipc/row_id.hpp) says that
// their picture is unusable become NaN.
at::Tensor embed_batch(Backbone& backbone, const at::Tensor& images, std::span<const std::int64_t> ids,
                       bool add_flip);

// What all ranks' (world * B, E) rows of one step, gathered by rank, are in the plan's order: row k of rank r
// comes at k * world + r.
at::Tensor in_plan_order(const at::Tensor& gathered, std::int64_t world);

// Collective over the trainers, and in step with the nodes' data services. The first trainer writes
// embed.destination and tells on stdout what it is. Throws Error(kInput) for weights that are no network's or
// that give a picture no finite embedding, Error(kConfig) for embed.model, depth or mode that they are not
// of.
void run_embedding(MpiSession& mpi, const Job& job, bool progress, Vitals& vitals);

}  // namespace facetrain
