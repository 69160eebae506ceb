# The steps of tests/bench/run.sh and big.sh: peers, build, the table.
. deploy/steps.sh
export bench_bin=$(realpath -m "${FACETRAIN_BENCH_BIN:-build-bench/bin}")
: "${FACETRAIN_BENCH_DIR:=${TMPDIR:-/tmp}/facetrain-bench}"
peer_packages=(libturbojpeg0-dev libopencv-dev)
peer_modules=(torch torchvision pillow opencv-python-headless numpy lmdb msgpack six pandas)

install_peers() {  # a peer that cannot be installed costs its rows, not the run
  [ -z "${FACETRAIN_BENCH_BIN:-}" ] || return 0
  local missing=() package
  for package in "${peer_packages[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    say "Missing peers: ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive run apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || say "not installed: ${missing[*]}"
  fi
  if [ -z "${FACETRAIN_PYTHON:-}" ]; then
    FACETRAIN_PYTHON=$PWD/.deps/bench-venv/bin/python
    [ -x "$FACETRAIN_PYTHON" ] || run python3 -m venv .deps/bench-venv || say "no python3-venv: rows 5 and 6 cannot run"
    if [ -x "$FACETRAIN_PYTHON" ] && ! "$FACETRAIN_PYTHON" -c 'import torchvision, cv2, lmdb, msgpack, six, pandas' 2>/dev/null; then
      run "$FACETRAIN_PYTHON" -m pip install -q torch torchvision --index-url https://download.pytorch.org/whl/cpu ||
        run "$FACETRAIN_PYTHON" -m pip install -q torch torchvision || true
      run "$FACETRAIN_PYTHON" -m pip install -q "${peer_modules[@]}" || true
    fi
    for module in nvidia-dali-cuda120 ffcv; do  # as far as they install
      "$FACETRAIN_PYTHON" -m pip show -q "$module" 2>/dev/null || run timeout 600 "$FACETRAIN_PYTHON" -m pip install -q "$module" || say "not installed: $module"
    done
  fi
  export FACETRAIN_PYTHON
}

build_bench() {  # build_bench big, data_programs or trainer_programs: that target of tests/bench
  [ -z "${FACETRAIN_BENCH_BIN:-}" ] || return 0
  local log=build-bench/bench.log
  mkdir -p build-bench
  run cmake --preset release -B build-bench -DFACETRAIN_BENCH=ON >$log 2>&1 || { tail -20 $log; fail "cmake failed; all it said: $log"; }
  run cmake --build build-bench --target "bench_$1" >$log 2>&1 || { tail -40 $log; fail "the build failed; all it said: $log"; }
}

machine_name() {  # the processor's, for file names
  awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo | tr -cs 'A-Za-z0-9\n' '_' | sed 's/^_//; s/_$//' | cut -c1-40
}

version_of() {  # of a Debian package
  dpkg-query -W -f='${Package} ${Version}' "$1" 2>/dev/null || echo "no $1"
}

describe_machine() {  # a line for each fact, as a Markdown list
  local cache
  cache=$(lscpu | awk -F': +' '/L1d|L2|L3/ {printf "%s%s %s", sep, $1, $2; sep = ", "}')
  echo "- Date: $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD -- . || echo ' with changes')"
  echo "- Processor: $(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo), $(nproc) of $(grep -c '^processor' /proc/cpuinfo) usable; $cache"
  echo "- Memory: $(awk '/MemTotal/ {printf "%.1f GiB", $2 / 1048576}' /proc/meminfo); kernel $(uname -r); load before: $(cut -d' ' -f1 /proc/loadavg)"
  echo "- Compiler: $(c++ --version | head -1); $(version_of libjpeg62-turbo), $(version_of libturbojpeg0), $(version_of libopencv-imgproc406), $(version_of liblmdb0)"
  if [ -x "${FACETRAIN_PYTHON:-}" ]; then
    echo "- Python: $("$FACETRAIN_PYTHON" - <<'P'
import importlib, platform
found = []
for name in ("torch", "torchvision", "PIL", "cv2", "numpy", "lmdb", "nvidia.dali", "ffcv"):
    try:
        found.append(f"{name} {importlib.import_module(name).__version__}")
    except Exception:
        found.append(f"no {name}")
print(platform.python_version() + "; " + ", ".join(found))
P
)"
  fi
}

write_table() {  # write_table KIND LOG: the ROW lines of LOG as tests/bench/results/KIND_<date>_<machine>.md
  local file
  file=tests/bench/results/$1_$(date -u +%Y-%m-%d)_$(machine_name).md
  mkdir -p tests/bench/results
  {
    echo "# tests/bench/run.sh $1"
    echo
    describe_machine
    echo
    echo "Ratios: ours / peer, from the best of the interleaved rounds; the median's beside it."
    echo
    echo "| Row | Ratio | Target | | What |"
    echo "|---|---|---|---|---|"
    grep '^ROW ' "$2" | sort -s -n -k2,2 | awk '{what = $7; for (i = 8; i <= NF; i++) what = what " " $i; printf "| %s | %s | %s | %s | %s |\n", $2, $3, $5, $6, what}'
    echo
    echo "What the programs said:"
    echo
    grep -v '^ROW ' "$2" | sed 's/^/    /' || true
  } >"$file"
  say "The table: $file"
}
