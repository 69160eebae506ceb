#!/usr/bin/env bash
# Installs what facetrain needs to be built and run: Debian packages, then LibTorch 2.11.0. Only what is missing; a run with
# nothing missing takes well under a second. Prints each command that it runs.
#   ./deploy/setup.sh [--ci] [--gpu | --cpu]
#     --ci    also what CI uses: the checkers (clang-format, clang-tidy), and Slurm, on which tests/slurm trains
#     --gpu   CUDA, NCCL and CUDA's compiler too (about 2 GB to download, 4 GB unpacked); found out by itself when there is an NVIDIA GPU
#     --cpu   without them, even if there is a GPU
# Your own LibTorch (zip, pip or conda install) is taken when LIBTORCH_ROOT or CMAKE_PREFIX_PATH names it.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/steps.sh

torch_version=2.11.0
packages=(
  g++ cmake ninja-build ccache mold                # compiler, build, compiler cache, fast linker
  libopenmpi-dev openmpi-bin                       # MPI: starts the processes, reduces gradients on the CPU
  libboost-dev                                     # Asio (header-only): the socket between service and trainers
  libtomlplusplus-dev                              # the configuration files
  libjpeg62-turbo-dev libpng-dev liblzma-dev       # JPEG, PNG, .xz
  liblmdb-dev                                      # facetrain pack: LMDB
  libzip-dev                                       # the submission's .zip
  doctest-dev                                      # the tests
)
# What torch 2.11.0 requires of NVIDIA's (its METADATA, by way of cuda-toolkit 13.0.2), then CUDA's compiler of the same release.
gpu_wheels=(
  nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 nvidia-cudnn-cu13==9.19.0.56 nvidia-cufft==12.0.0.61 nvidia-cufile==1.15.1.6
  nvidia-curand==10.4.0.35 nvidia-cusolver==12.0.4.66 nvidia-cusparse==12.6.3.3 nvidia-cusparselt-cu13==0.8.0 nvidia-nccl-cu13==2.28.9
  nvidia-nvjitlink==13.0.88 nvidia-nvshmem-cu13==3.4.5 nvidia-nvtx==13.0.85
  nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-cccl==13.0.85
)
ci=
gpu=
for option in "$@"; do
  case $option in
    --ci) packages+=(clang-format-14 clang-tidy-14 slurm-wlm munge iproute2 procps) ;;
    --gpu) gpu=1 ;;
    --cpu) gpu=0 ;;
    *) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
  esac
done
if [ -z "$gpu" ]; then
  gpu=0
  if [ -e /dev/nvidiactl ] || nvidia-smi -L >/dev/null 2>&1; then gpu=1; fi
fi

# --- Debian packages ---------------------------------------------------------------------------------------------------
missing_of() {  # the packages among the arguments that are not installed
  dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk -v all="$*" '$2 == "installed" {have[$1] = 1} END {n = split(all, p, " "); for (i = 1; i <= n; i++) if (!(p[i] in have)) print p[i]}'
}
install() {  # installs the given Debian packages where they are missing
  local missing as_root=()
  if ! command -v dpkg-query >/dev/null; then
    [ -n "${warned:-}" ] || say "This is no Debian or Ubuntu: please see yourself that these are installed (Debian's names): ${packages[*]}"
    warned=1
    return 0
  fi
  mapfile -t missing < <(missing_of "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "these Debian packages are missing and there is no sudo; ask for: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Missing Debian packages: ${missing[*]}"
  [ -n "${updated:-}" ] || run "${as_root[@]}" apt-get update -qq
  updated=1
  local command=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}")
  show "${command[@]}"
  "${command[@]}" >.deps/apt.log 2>&1 || { tail -20 .deps/apt.log; fail "apt-get install failed; all it said: .deps/apt.log"; }
}
mkdir -p .deps
install "${packages[@]}"

# --- LibTorch ----------------------------------------------------------------------------------------------------------
header() { [ -e "$1/include/ATen/ATen.h" ] || [ -e "$1/torch/include/ATen/ATen.h" ]; }
IFS=':;' read -ra given <<<"${LIBTORCH_ROOT:-}:${CMAKE_PREFIX_PATH:-}"
for folder in "${given[@]}"; do
  if [ -n "$folder" ] && header "$folder"; then
    say "LibTorch: yours, in $folder (facetrain is made for $torch_version)"
    exit 0
  fi
done
[ -z "${LIBTORCH_ROOT:-}" ] || fail "LIBTORCH_ROOT=$LIBTORCH_ROOT holds no LibTorch (looked for include/ATen/ATen.h and torch/include/ATen/ATen.h); unset it to have one downloaded"

home=.deps/libtorch-$torch_version
complete() {
  [ -e $home/torch/lib/libtorch_cpu.so ] || return 1
  [ $gpu = 0 ] || { [ -e $home/nvidia/nccl/lib/libnccl.so.2 ] && [ -x $home/nvidia/cu13/bin/nvcc ]; }
}
if ! complete; then
  exec 9>.deps/lock   # two set-ups at once: the second waits, and finds the work done
  flock 9
fi
if ! complete; then
  python3 -c '' 2>/dev/null || install python3
  python3 -m pip --version >/dev/null 2>&1 || install python3-pip
  rm -rf .deps/unfinished.*   # what a killed set-up left; the lock says that it is nobody's
  work=$(mktemp -d .deps/unfinished.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  # The wheels are only unpacked, so their Python version (3.11) need not be the system's.
  download=(python3 -m pip --disable-pip-version-check download -q --dest "$work/wheels" --no-deps --only-binary=:all:
    --python-version 3.11 --implementation cp --abi cp311 --abi abi3 --abi none)
  for glibc in $(seq 28 -1 5); do download+=(--platform manylinux_2_${glibc}_x86_64); done
  download+=(--platform manylinux2014_x86_64 --platform linux_x86_64)
  wheels=(torch==$torch_version nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
  size="for the CPU (0.6 GB to download, 1.2 GB unpacked)"
  if [ $gpu = 1 ]; then
    wheels+=("${gpu_wheels[@]}")
    size="with all that it needs on a GPU (about 2 GB to download, 4 GB unpacked)"
  fi
  missing=()   # a set-up for the CPU is kept, and what a GPU needs is added
  for wheel in "${wheels[@]}"; do
    name=${wheel%%==*}
    [ -d "$home/${name//-/_}-${wheel##*==}.dist-info" ] || missing+=("$wheel")
  done
  [ ${#missing[@]} -gt 0 ] || { rm -rf $home; missing=("${wheels[@]}"); }   # files were removed by hand: all anew
  say "LibTorch $torch_version $size"
  run "${download[@]}" "${missing[@]}"
  [ ! -d $home ] || cp -al $home "$work/unpacked"
  for wheel in "$work"/wheels/*.whl; do
    run python3 -m zipfile -e "$wheel" "$work/unpacked"
    rm "$wheel"
  done
  if [ $gpu = 1 ]; then
    cuda=$work/unpacked/nvidia/cu13
    chmod +x "$cuda"/bin/{*,crt/*} "$cuda"/nvvm/bin/*   # zipfile forgets modes
    ln -sfn lib "$cuda/lib64"                           # where nvcc looks
  fi
  run rm -rf $home
  run mv "$work/unpacked" $home
fi
what="CPU only"
[ $gpu = 0 ] || what="with CUDA"
say "Set-up is complete. LibTorch: $home ($what$([ $gpu = 1 ] || echo ': no NVIDIA GPU here'))"
