#!/usr/bin/env bash
# check_skips.sh EXPECTED LOG: prints every test that ctest's LastTest.log tells as skipped, with its reason; fails when one is not
# in EXPECTED (lines "name: reason"; the name may hold *).
set -euo pipefail
expected=$1
log=$2
grep -qE '^[0-9]+/[0-9]+ Testing: ' "$log" || { echo "$log tells of no test: the skips cannot be checked"; exit 1; }
status=0
count=0
while IFS=$'\t' read -r name reason; do
  known=
  while IFS= read -r line; do
    pattern=${line%%: *}
    # shellcheck disable=SC2053  # a pattern on purpose
    if [[ $name == $pattern ]]; then known=1; fi
  done < <(grep -v -e '^#' -e '^[[:space:]]*$' "$expected")
  count=$((count + 1))
  if [ -n "$known" ]; then
    echo "skipped as expected: $name ($reason)"
  else
    echo "SKIPPED AND NOT EXPECTED: $name ($reason); make it run, or name it in $expected with the reason"
    status=1
  fi
done < <(awk '/^[0-9]+\/[0-9]+ Testing: / {name = $3}
              {at = index($0, "SKIPPED: ")}
              at && !(name in told) {told[name] = 1; print name "\t" substr($0, at + 9)}' "$log")
echo "skipped: $count"
exit $status
