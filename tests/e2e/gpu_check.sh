#!/usr/bin/env bash
# deploy/gpu_check.sh without a GPU: --dry walks every check and finds its program, test cases or script; without --dry it says that
# there is no GPU. A check whose test is not there fails.
#   gpu_check.sh BIN_FOLDER
set -u
bin=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/workplace.sh"
unset OUT

"$top/deploy/gpu_check.sh" --bin "$bin" --dry --results results >out 2>&1 || fail "--dry: exit code $?: $(tail -3 out)"
for name in input nccl.ranks1 train_step train.fp64 train.fp32 train.fp16 train.ranks train.memory bench; do
  grep -qE "^not-run +- $name: " out || fail "--dry: no line 'not-run' for $name: $(cat out)"
done
if grep -qE '^(ok|failed) ' out; then fail "--dry ran something: $(cat out)"; fi
[ "$(grep -c '| not-run |' results/gpu_*_dry.md)" = "$(grep -c '^not-run ' out)" ] || fail "the report differs from what was printed"
grep -qE '^- Date: .*, commit (unknown|[0-9a-f]{40})$' results/gpu_*_dry.md || fail "the report names no commit"

# A test that is gone makes its check fail.
mkdir bin
ln -s "$bin"/* bin/
rm bin/test_gpu
printf '#!/bin/sh\nexec "%s" --test-case=none "$@"\n' "$bin/test_gpu" >bin/test_gpu
chmod +x bin/test_gpu
"$top/deploy/gpu_check.sh" --bin bin --dry --results results --only '^input$' >out 2>&1 && fail "a check without a test case did not fail"
grep -qE '^failed +- input: no such test case' out || fail "no line tells of the missing test case: $(cat out)"

if [ -z "$(find /dev -maxdepth 1 -name 'nvidia[0-9]*')" ]; then
  "$top/deploy/gpu_check.sh" --bin "$bin" --results none >out 2>&1
  [ $? = 77 ] || fail "without a GPU: not exit code 77"
  grep -q '^no NVIDIA GPU here' out || fail "without a GPU it says: $(cat out)"
  [ ! -e none ] || fail "without a GPU it wrote a report"
fi
"$top/deploy/gpu_check.sh" --bin /nowhere --dry >out 2>&1
[ $? = 78 ] || fail "without programs: not exit code 78"
conclude "gpu_check: every check is there"
