// Which build this is. Data service and trainer compare ids in their hello, so that binaries of different
// builds never share a ring.
#pragma once

#include <cstdint>
#include <string>

namespace facetrain {

// "0.1.0, commit 1a2b3c4, Release, GNU 12.2.0, CPU only". Written by CMake when it configures
// (build_id.cpp.in).
std::string build_description();

// FNV-1a 64 of the description and of the headers that lay out what the two programs share.
std::uint64_t build_id();

// "0.1.0, commit 1a2b3c4, Release, GNU 12.2.0, CPU only, id 0123456789abcdef": tells any two builds apart.
std::string build_text();

// Built for NVIDIA GPUs (FACETRAIN_CUDA).
bool build_has_cuda();

}  // namespace facetrain
