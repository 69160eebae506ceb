// The [compat] table of the configuration: where the reference's heads do something else than their papers,
// the paper's formula is the default and a flag asks for the reference's. Heads read it at construction.
//
// Reference: HaiyuWu/SOTA-Face-Recognition-Train-and-Test (b8c42fe); its fork iccv2025-fr-competition has the
// same two files.
//
//  reference                      it does                                    flag               default here
//  losses.py:45-48 combined       ignores m1 and m2 when m3 > 0              combined           cos(m1 theta
//  + m2)
//                                                                                               - m3 for all
//                                                                                               three
//  losses.py:98,103 Curricular-   t is the mean of all local cosines of the  curricularface     t is the mean
//  of the
//    Face                         rows with a local label; hard negatives                       true classes'
//    cosines;
//                                 are sought among a row's own rank's                           hard
//                                 negatives are classes only sought among all classes
//  losses.py:182 AdaFace          reads a variable that does not exist       -                  the batch's
//  norms losses.py:166,202 AdaFace      theta * (1 + g); statistics are the last   adaface            theta +
//  g; statistics
//                                 batch's (t_alpha 1.0)                                         move by .01 a
//                                 step
//  losses.py:189-192 AdaFace,     statistics of the rows with a local label, local_statistics   of the global
//  batch,
//    103 CurricularFace           different on every rank                                       the same on
//    all ranks
//  losses.py:235-243 MagFace,     g is the mean over the rows with a local   magface            the mean over
//  the global
//    partial_fc.py:178            label: each rank adds its own, together                       batch, once
//                                 about world size times the mean
//  losses.py:256-274 UniFace      a row's loss sees its own rank's classes   uniface            all classes;
//  one bias
//                                 only; every rank trains its own bias
//  losses.py:310 CircleLoss       cannot be configured (get_configs.py:16);  -                  softplus of
//  that, as in
//                                 has lse(n) + lse(p) without the softplus                      the paper
//
// Without a row of a rank's own classes the reference has NaN (MagFace's and UniFace's loss, the statistics
// of CurricularFace and AdaFace, and AdaFace's with one row). With the flags that rank adds 0 and keeps its
// statistics. Where the reference's combined margin stops with an error (m3 = 0 and m1 != 1, or m3 < 0) the
// general formula holds with the flag too.
#pragma once

#include "common/config/config.hpp"

namespace facetrain {

using Compat = config_tables::compat_table;

}  // namespace facetrain
