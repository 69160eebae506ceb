#!/usr/bin/env bash
# What a run survives: a function each in faults/*.sh, which is a ctest row of its own (label fault): exit code, message, nothing left
# behind, and that a run that goes on takes the very steps of one that was never disturbed (its trace, byte for byte).
#   faults.sh BIN_FOLDER fault_NN_what
set -u
bin=$(cd "$1" && pwd)
row=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../workplace.sh"
export TMPDIR=$work/tmp   # Open MPI's session folders go here too
mkdir "$TMPDIR"
facetrain=$bin/facetrain
checkpoints=runs/a/checkpoints
for part in "$here"/faults/*.sh; do . "$part"; done

case $row in fault_[0-9][0-9]_*) ;; *) echo "FAILED: no such row $row"; exit 1 ;; esac
$row
conclude "$row: as it should be"
