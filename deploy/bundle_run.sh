#!/usr/bin/env bash
# Runs a program of this bundle, or any command with its programs, its Open MPI and LibTorch in reach:
#   ./run facetrain train --config my.toml        ./run mpirun -np 2 test_mpi        ./run --check
# LibTorch 2.11 for CUDA 13 is taken from FACETRAIN_LIBTORCH (the folder with lib/libtorch_cpu.so), else from python3's torch.
# (deploy/bundle.sh puts this file into the bundle as `run`.)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -d "$here/lib/openmpi3" ] || { echo "run: this is the launcher of a bundle that deploy/bundle.sh makes; $here is none" >&2; exit 78; }
torch=${FACETRAIN_LIBTORCH:-}
if [ -z "$torch" ]; then   # found, not imported: that would take seconds
  torch=$(python3 -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' 2>/dev/null)
fi
[ -e "$torch/lib/libtorch_cpu.so" ] ||
  { echo "run: no LibTorch: python3 has no torch${torch:+ ($torch)}; set FACETRAIN_LIBTORCH to the folder with lib/libtorch_cpu.so" >&2; exit 78; }
libraries=$torch/lib
for folder in "$torch"/../nvidia/*/lib "$torch"/../nvidia/*/*/lib; do   # pip's wheels; elsewhere they lie in the system's folders
  [ ! -d "$folder" ] || libraries+=:$folder
done
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PATH=$here/bin:$PATH
# Open MPI and PMIx look for their plugins and texts where they were built to be, unless told otherwise.
export OPAL_PREFIX=$here OPAL_LIBDIR=$here/lib OPAL_PKGLIBDIR=$here/lib/openmpi3 OPAL_DATADIR=$here/share OPAL_SYSCONFDIR=$here/etc
export PMIX_PREFIX=$here PMIX_LIBDIR=$here/lib PMIX_PKGLIBDIR=$here/lib/pmix PMIX_DATADIR=$here/share PMIX_PKGDATADIR=$here/share/pmix
# mpirun will not start without a remote shell, which a job of one node never calls.
command -v ssh >/dev/null || command -v rsh >/dev/null || export OMPI_MCA_plm_rsh_agent=false
if [ "${1:-}" = --check ]; then   # does every program find its libraries here?
  missing=$(ldd "$here"/bin/* 2>&1 | grep -E 'not found' | sort -u)
  if [ -n "$missing" ]; then
    echo "run: on this machine ($(ldd --version 2>&1 | head -1)), with LibTorch in $torch, not all is found:" >&2
    echo "$missing" >&2
    exit 78
  fi
  cat "$here/MANIFEST"
  exit 0
fi
exec "$@"
