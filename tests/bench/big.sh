#!/usr/bin/env bash
# tests/bench/run.sh big: see there. --images N (5000000), --ids N (100000), --dir DIR (where the set is made, and removed afterwards), --order
# chunked|exact (chunked: exact reads all over a set that does not fit into the page cache).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/bench/steps.sh
order=chunked images=5000000 ids=100000 dir=$FACETRAIN_BENCH_DIR/big
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1 needs a value"
  case $1 in
    --images) images=$2 ;;
    --ids) ids=$2 ;;
    --dir) dir=$2 ;;
    --order) order=$2 ;;
    *) fail "big: unknown option $1 (--images N, --ids N, --order O, --dir DIR)" ;;
  esac
  shift 2
done
mkdir -p "$dir"
free=$(df --output=avail -B1000 "$dir" | tail -1)
[ "$free" -ge $((images * 55 / 10)) ] || fail "$dir has $((free / 1000000)) GB free; $images pictures need $((images * 55 / 10000000)) GB: name another folder with --dir"
build_bench big
file=tests/bench/results/big_$(date -u +%Y-%m-%d)_$(machine_name).md
mkdir -p tests/bench/results
log=$(mktemp)
trap 'rm -f "$log" "$dir"/big.rec "$dir"/big.idx' EXIT
status=0
"$bench_bin/bench_big" "$dir" "$images" "$ids" "$order" 2>&1 | tee "$log" || status=$?
[ $status -le 1 ] || exit $status  # it did not come to measuring
{
  echo "# tests/bench/run.sh big --images $images --ids $ids --order $order"
  echo
  describe_machine
  echo
  sed 's/^/    /' "$log"
} >"$file"
say "Written to $file"
exit $status
