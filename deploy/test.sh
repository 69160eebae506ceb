#!/usr/bin/env bash
# Sets up what is missing, builds everything and runs every test with ctest. Fails too when a test was skipped that
# tests/expected_skips.txt does not name.
#   ./deploy/test.sh [--preset release|asan|cuda] [--werror] [--unity] [ctest's options: -R NAME, -L LABEL, ...]
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/steps.sh

preset=release
definitions=()
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?}; shift 2 ;;
    --werror) definitions+=(-DFACETRAIN_WERROR=ON); shift ;;
    --unity) definitions+=(-DFACETRAIN_UNITY=ON); shift ;;   # quicker from nothing, slower after a change
    -h | --help) sed -n '2,4p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) break ;;
  esac
done
build=build
[ "$preset" = release ] || build=build-$preset

run ./deploy/setup.sh
run cmake --preset "$preset" "${definitions[@]}" >/dev/null || { cmake --preset "$preset" "${definitions[@]}"; exit 1; }
begin=$SECONDS
run cmake --build --preset "$preset"
say "built in $((SECONDS - begin)) s"

[ "$preset" != asan ] || . deploy/asan_options.sh
# ctest's closing lines are held back, so that they stay the last ones.
closing=$build/Testing/closing.txt
mkdir -p $build/Testing
: >"$closing"
status=0
run ctest --preset "$preset" -j2 "$@" |
  awk -v closing="$closing" '/^[0-9]+% tests passed/ {end = 1} end {print > closing; next} {print; fflush()}' || status=$?
bash tests/check_skips.sh tests/expected_skips.txt $build/Testing/Temporary/LastTest.log || status=1
cat "$closing"
exit $status
