// The [compat] table of the configuration: where the reference's heads do something else than their papers,
// the paper's formula is the default and a flag asks for the reference's. Heads read it at construction.
//
// Reference: HaiyuWu/SOTA-Face-Recognition-Train-and-Test (b8c42fe), losses.py unless another file is named;
// its fork iccv2025-fr-competition (9448d96) has the same files.
//
// clang-format off
//  flag              lines             the reference                            default here
//  ----              -----             -------------                            ------------
//  combined          45                ignores m1 and m2 when m3 > 0            cos(m1 theta + m2) - m3
//  curricularface    104               seeks a row's hard negatives on the      among all classes
//                                      rank that owns the row's class only
//  curricularface    110               t follows the mean of all local cosines  the mean cosine to the true
//                                      of the rows with a local label           class
//  adaface           202               theta * (1 + g)                          theta + g
//  adaface           164               t_alpha 1.0: the last batch's mean/std   t_alpha .01: running mean/std
//  local_statistics  110, 189          statistics of the rows with a local      of the global batch
//                                      label, different on every rank
//  magface           243,              each rank adds its own mean of g over    the mean over the global batch,
//                    partial_fc.py:178 the rows with a local label: together    once
//                                      about world size times the mean
//  uniface           261               a row sees the classes of the rank that  all classes
//                                      owns the row's class only
//  uniface           256               every rank trains a bias of its own      one bias, the same on all ranks
//  -                 183               AdaFace stops: `embeddings` undefined    the norms of the batch
//  -                 310               CircleLoss is lse(n) + lse(p), and no    softplus of that, as the paper
//                                      configuration can name it
// clang-format on
//
// Not copied, with a flag either: the NaN of a rank that owns no row's class (MagFace's and UniFace's loss,
// the statistics of CurricularFace and AdaFace, AdaFace's also with one row): such a rank adds 0 and keeps
// its statistics. And the error that ends the combined margin for m3 < 0, or m3 = 0 with m1 not 1: there the
// general formula holds.
#pragma once

#include "common/config/config.hpp"

namespace facetrain {

using Compat = config_tables::compat_table;

}  // namespace facetrain
