#!/usr/bin/env bash
# Packs the programs, with tests, benchmarks and the Debian libraries that they need (Open MPI and its mpirun among them), to run beside
# any LibTorch 2.11 for CUDA 13 (pip's torch 2.11) on a machine where nothing is installed or built: x86-64, glibc as here or newer.
# LibTorch, CUDA and NCCL stay out. Builds first (cmake --preset cuda, with the kernels where nvcc works).
#   ./deploy/bundle.sh [--build FOLDER] [--no-build] [--reference FOLDER] [--out FILE]
#     --build     the build folder (build-cuda); --no-build packs what it holds already
#     --reference a clone of HaiyuWu/iccv2025-fr-competition, whose Python the benchmarks run as their peer: packed too
#     --out       the archive (facetrain-bundle.tar.gz in the build folder); below 60 MB, or it fails
# On the other machine:
#   tar xzf facetrain-bundle.tar.gz
#   ./facetrain-bundle/run facetrain train --config my.toml    finds LibTorch by python3's torch, or in FACETRAIN_LIBTORCH
set -euo pipefail
from=$PWD   # paths given are the caller's
cd "$(dirname "$0")/.."
. deploy/steps.sh

build=build-cuda
make=1
reference=
out=
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$(cd "$from" && realpath -m "${2:?}"); shift 2 ;;
    --no-build) make=; shift ;;
    --reference) reference=$(cd "$from" && realpath -m "${2:?}"); shift 2 ;;
    --out) out=$(cd "$from" && realpath -m "${2:?}"); shift 2 ;;
    *) sed -n '2,11p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
  esac
done
: "${out:=$build/facetrain-bundle.tar.gz}"
most=$((60 << 20))

programs=(facetrain facetrain-data facetrain-model dataservice trainer test_gpu test_mpi)   # and bench_* that use LibTorch
if [ -n "$make" ]; then
  run cmake --preset cuda -B "$build" -DFACETRAIN_BENCH=ON >/dev/null
  run cmake --build "$build" --target "${programs[@]}" bench_trainer_programs
fi
for program in "${programs[@]}"; do [ -x "$build/bin/$program" ] || fail "$build/bin/$program is not built"; done
command -v patchelf >/dev/null ||
  { say "Missing: patchelf"; run apt-get install -y -qq --no-install-recommends patchelf >/dev/null || fail "patchelf is missing; ask for: apt-get install patchelf"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=$(basename "$out" .tar.gz)
root=$work/$name
mkdir -p "$root"/{bin,lib/openmpi3,lib/pmix,share,etc}
[ -z "$reference" ] || mkdir "$root/reference"

# --- programs ------------------------------------------------------------------------------------------------------------
from_libtorch='libtorch|libc10|libcudart|libnccl|libgomp|libcupti'   # what LibTorch brings, itself or by NVIDIA's wheels
for bench in "$build"/bin/bench_*; do
  if [ -x "$bench" ] && readelf -d "$bench" | grep -q 'NEEDED.*libtorch'; then programs+=("$(basename "$bench")"); fi
done
for program in "${programs[@]}"; do strip -o "$root/bin/$program" "$build/bin/$program"; done

# --- Open MPI: what starts and connects processes on one node, or over TCP; no plugin of a fabric (they want its libraries) ----
mpi=$(dirname "$(ldconfig -p | awk '$1 == "libmpi.so.40" {print $NF; exit}')")
plugins=$mpi/openmpi/lib/openmpi3
[ -d "$plugins" ] || fail "no plugins of Open MPI in $plugins"
for plugin in "$plugins"/*.so; do
  case $(basename "$plugin") in
    *_ofi.so | *_ucx.so | *_openib.so | *_psm.so | *_psm2.so | *_usnic.so | *_netlink.so | *_monitoring.so) ;;   # fabrics, extras
    mca_atomic_* | mca_memheap_* | mca_scoll_* | mca_spml_* | mca_sshmem_*) ;;                                   # OpenSHMEM
    mca_io_* | mca_fs_* | mca_fbtl_* | mca_fcoll_* | mca_sharedfp_*) ;;                                          # MPI-IO
    *) cp -L "$plugin" "$root/lib/openmpi3/" ;;
  esac
done
cp -L /usr/bin/mpirun "$root/bin/mpirun"
cp -L /usr/bin/orted "$root/bin/orted"
cp -RL /usr/share/openmpi "$root/share/openmpi"
cp -RL /etc/openmpi "$root/etc/openmpi"
cp -RL "$mpi"/pmix2/share/pmix "$root/share/pmix"
cp -L "$mpi"/pmix2/lib/pmix/*.so "$root/lib/pmix/"

# --- the libraries of all of these, but glibc's own and LibTorch's -----------------------------------------------------------
glibc='linux-vdso|ld-linux|libc\.so|libm\.so|libdl\.so|libpthread\.so|librt\.so|libresolv\.so|libutil\.so'
libraries() { ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | grep -E '^/(usr/)?lib/' | grep -vE "/($glibc|$from_libtorch)" | sort -u; }
mapfile -t needed < <(libraries "$root"/bin/* "$root"/lib/{openmpi3,pmix}/*)
for library in "${needed[@]}"; do cp -L "$library" "$root/lib/"; done
strip --strip-unneeded "$root"/lib/*.so* "$root"/lib/{openmpi3,pmix}/*.so "$root"/bin/{mpirun,orted}
chmod u+w "$root"/lib/*.so* "$root"/lib/{openmpi3,pmix}/*.so
# RPATH, not RUNPATH: it comes before LD_LIBRARY_PATH, so that our libraries meet no others of the same name.
for program in "$root"/bin/*; do patchelf --force-rpath --set-rpath "\$ORIGIN/../lib" "$program"; done
for library in "$root"/lib/*.so*; do patchelf --force-rpath --set-rpath "\$ORIGIN" "$library"; done
for plugin in "$root"/lib/{openmpi3,pmix}/*.so; do patchelf --force-rpath --set-rpath "\$ORIGIN/.." "$plugin"; done

# --- the launcher, and what this is ------------------------------------------------------------------------------------------
needs_glibc=$(objdump -T "$root"/bin/* "$root"/lib/*.so* "$root"/lib/{openmpi3,pmix}/*.so 2>/dev/null | grep -oE 'GLIBC_2\.[0-9]+' | sort -Vu | tail -1)
install -m 755 deploy/bundle_run.sh "$root/run"
[ -z "$reference" ] || (cd "$reference" && find . -name '*.py' -not -path './.git/*' -exec cp --parents {} "$root/reference" \;)
{
  echo "commit $(git rev-parse HEAD 2>/dev/null || echo unknown)$(git diff --quiet HEAD -- . 2>/dev/null || echo ' with changes')"
  echo "built $(date -u +%Y-%m-%dT%H:%MZ): $("$build/bin/facetrain" --version)"
  echo "kernels $(grep -q '^FACETRAIN_NVCC_PROGRAM:FILEPATH=/' "$build/CMakeCache.txt" && sed -n 's/-real//g; s/;/ sm_/g; s/^FACETRAIN_GPU_ARCHITECTURES:STRING=/sm_/p' "$build/CMakeCache.txt" || echo none)"
  echo "source $PWD"
  echo "needs $needs_glibc"
} >"$root/MANIFEST"

# --- nothing is missing, and it is small enough -------------------------------------------------------------------------------
missing=$(env -i PATH="$PATH" ldd "$root"/bin/* "$root"/lib/{openmpi3,pmix}/* | awk '/not found/ {print $1}' | grep -vE "^($from_libtorch)" | sort -u || true)
[ -z "$missing" ] || fail "libraries that are neither in the bundle nor LibTorch's: $missing"
mkdir -p "$(dirname "$out")"
tar -C "$work" --owner=0 --group=0 -cf - "$name" | gzip -9 >"$out.unfinished"
mv "$out.unfinished" "$out"
size=$(stat -c %s "$out")
[ "$size" -lt $most ] || fail "$out has $((size >> 20)) MB, more than $((most >> 20)): pack fewer programs"
cat "$root/MANIFEST"
say "$out: $((size >> 20)) MB; ${#programs[@]} programs, ${#needed[@]} libraries, $(find "$root/lib/openmpi3" -name '*.so' | wc -l) plugins of Open MPI"
