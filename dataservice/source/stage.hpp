// Copies of packed sources on the node itself (data.stage), for plans that read in small random pieces from a
// shared file system: the pack is read from there once, in one sweep, and then from the node's disk or
// memory.
//
// A copy is kept when the job ends and is used again as long as size and time of every file of the original
// are those that it was made from; remove the folder to be rid of it (one in /dev/shm takes memory until
// then). It is not needed for a run: when the folder cannot be used or has no room, the source is read where
// it is, and the run says so.
#pragma once

#include <string>
#include <vector>

#include "common/ipc/fd.hpp"
#include "dataservice/source/source_kind.hpp"

namespace facetrain {

struct Staged {
  std::string path;  // to open: the copy, or the original
  std::string note;  // a line for the log: what was done, or why not
  bool is_copy = false;
  Fd lock;  // of a copy: while it is held, no process replaces the copy; to be kept until that is open
  std::vector<PackedFile> files;  // of a copy: the original's files, and what they are called as copied
};

// Makes the copy of one source in `folder`, or finds it there. Processes of a node that want the same one
// wait for the first (a lock file in its folder, given up by the kernel when its holder dies).
Staged stage_source(const std::string& path, const std::string& folder);

// Opens the copy in `folder`, which is made first, or the original. Its names are the original's; the
// warnings begin with the note.
OpenedSource open_staged(const std::string& path, const std::string& folder);

}  // namespace facetrain
