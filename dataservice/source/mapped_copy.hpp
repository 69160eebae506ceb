// Copies bytes out of a mapped file without being ended by it: where a page cannot be had (the file became
// shorter, its disk failed) the kernel sends SIGBUS, and this copy then reports failure instead.
//
// It needs the process's SIGBUS handler, and one thread-local variable that the handler can look at: a
// handler has no argument, and a signal's disposition belongs to the process. Outside of a copy the handler
// that was there before (Open MPI's, a sanitizer's, none) gets the signal as if this one were not there.
#pragma once

#include <cstddef>
#include <span>

namespace facetrain {

// Installs the handler once; later calls do nothing. Throws Error(kInternal) when the kernel refuses.
void catch_bus_errors();

// Copies to.size() bytes from `from`, which must be mapped. False: some of them could not be had; `to` is
// then partly written. Needs catch_bus_errors() before. About 0.06 us more than memcpy.
[[nodiscard]] bool copy_mapped(std::span<std::byte> to, const std::byte* from) noexcept;

}  // namespace facetrain
