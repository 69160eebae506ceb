// How the C library's heap behaves in programs that compute with tensors on a CPU.
#pragma once

namespace facetrain {

// Keeps freed memory instead of giving it back to the kernel. Every step allocates and frees the same
// tensors; by default glibc maps and unmaps the large ones each time, and the kernel clears their pages anew:
// on two cores the demo's training took a third longer. Call it once, before any thread starts.
void keep_freed_memory();

}  // namespace facetrain
