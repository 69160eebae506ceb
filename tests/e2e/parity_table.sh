#!/usr/bin/env bash
# Every test that tests/golden/README.md names exists: `layer.name` is a row of ctest, or a row at several numbers of ranks.
#   parity_table.sh BIN
set -euo pipefail
build=$(dirname "$1")
table=$(dirname "$0")/../golden/README.md
# Not from `ctest -N`: inside a ctest run that would empty the log from which the skipped tests are read.
rows=$(sed -nE 's/^add_test\((\[=*\[)?([a-z0-9_.]+).*/\2/p' "$build/tests/CTestTestfile.cmake")
named=$(grep -oE '`(unit|mpi|ipc|golden|e2e|fault|slurm)\.[a-z0-9_.]+`' "$table" | tr -d '`' | sort -u)
[ "$(wc -w <<<"$named")" -ge 20 ] || { echo "FAIL: only $(wc -w <<<"$named") tests are named in $table"; exit 1; }
missing=0
for name in $named; do
  grep -qxE "${name//./\\.}(\.ranks[0-9]+)?" <<<"$rows" || { echo "FAIL: $table names $name, which is no test"; missing=1; }
done
untested=$(sed -n '/^## Parity table/,$p' "$table" | grep -E '^\| [IP] ' | grep -vcE '`(unit|mpi|ipc|golden|e2e)\.' || true)
[ "$untested" = 0 ] || { echo "FAIL: $untested rows of $table name no test"; missing=1; }
[ $missing = 0 ] && echo "$(wc -w <<<"$named") tests named in the parity table exist"
exit $missing
