#!/usr/bin/env bash
# A small training that is killed again and again and goes on each time: random processes (launcher, mpirun, data service, trainers) at
# random times by kill -9, now and then the whole job asked to stop (USR1, TERM), until it is finished. Its trace and its last model must
# be those of a run that nobody disturbed, byte for byte.
#   tests/kill_loop.sh BIN_FOLDER [MINUTES] [SEED]     MINUTES of training in all, 30 by default; prints a line for each kill
set -u
bin=$(cd "${1:?usage: kill_loop.sh BIN_FOLDER [MINUTES] [SEED]}" && pwd)
minutes=${2:-30} seed=${3:-$(date +%s)}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/workplace.sh"
export TMPDIR=$work/tmp OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mkdir "$TMPDIR"
facetrain=$bin/facetrain
RANDOM=$seed

"$facetrain" synth --ids 40 --per-id 40 --out data >/dev/null && "$facetrain" list -s data/train -d . -sfn train >/dev/null || exit 1
cat >loop.toml <<END
base = "$here/e2e/small_run.toml"
[run]
work_path = "runs"
frequency_log = 100
[data]
train_source = "train.txt"
augment = true
[checkpoint]
minutes = 0.05
keep = 2
END
# In the background, so that $! is the launcher itself.
train() { exec "$facetrain" train --config loop.toml --set run.prefix="$1" --set run.trace="$1.jsonl" --set train.epochs="$epochs" >"$1.out" 2>"$1.err" </dev/null; }

epochs=4
begin=$(date +%s%N); (train trial); code=$?
[ $code = 0 ] || { echo "FAILED: the trial ended with $code: $(tail -n 1 trial.err)"; exit 1; }
epochs=$(awk -v ns=$(($(date +%s%N) - begin)) -v m="$minutes" 'BEGIN {e = int(m * 60 / (ns / 4e9)); print e < 5 ? 5 : e}')
echo "$(date -u +%FT%TZ) $("$facetrain" --version 2>/dev/null | head -1); seed $seed; $epochs epochs of 100 steps, about $minutes minutes"
begin=$SECONDS
(train undisturbed); code=$?
[ $code = 0 ] || { echo "FAILED: the undisturbed run ended with $code: $(tail -n 1 undisturbed.err)"; exit 1; }
alone=$((SECONDS - begin))
echo "undisturbed: $alone s"

kills=0 begin=$SECONDS
while true; do
  train a & launcher=$!
  after=$((4 + RANDOM % 16))
  for _ in $(seq $((10 * after))); do kill -0 $launcher 2>/dev/null || break; sleep 0.1; done
  if kill -0 $launcher 2>/dev/null; then
    kills=$((kills + 1))
    case $((RANDOM % 8)) in
      0) what="USR1 to the launcher"; codes="75 0"; kill -USR1 $launcher 2>/dev/null ;;
      1) what="TERM to the launcher"; codes="75 0"; kill -TERM $launcher 2>/dev/null ;;
      *) read -r pid name <<<"$(processes | awk -v k=$RANDOM '{line[NR] = $0} END {if (NR) print line[k % NR + 1]}')"
         what="kill -9 of $(basename "${name%% *}")"; codes="137 0"; kill -9 "$pid" 2>/dev/null ;;
    esac
  else
    what=end codes=0
  fi
  for _ in $(seq 600); do kill -0 $launcher 2>/dev/null || break; sleep 0.1; done
  kill -0 $launcher 2>/dev/null && { fail "60 s after $what the job still runs"; kill -9 $(processes | cut -d' ' -f1); }
  wait $launcher; code=$?
  [[ " $codes " == *" $code "* ]] || fail "after $what: exit code $code, not one of $codes: $(tail -n 1 a.err)"   # 0: it was just over
  for _ in $(seq 100); do [ -z "$(processes)" ] && break; sleep 0.1; done
  [ -z "$(processes)" ] || { fail "left after $what: $(processes)"; kill -9 $(processes | cut -d' ' -f1); }
  rm -rf "${TMPDIR:?}"/*
  echo "$((SECONDS - begin)) s: $what: exit code $code, $(ls runs/a/checkpoints 2>/dev/null | grep -v tmp | sort -t_ -k2 -n | tail -1)"
  [ $code = 0 ] && break
  [ "$failures" = 0 ] || break
  [ $((SECONDS - begin)) -lt $((5 * alone + 60)) ] || { fail "not finished after five times the undisturbed run's time"; break; }
done
cmp undisturbed.jsonl a.jsonl || fail "the traces differ"
last() { find "runs/$1/models" -name '*.pth' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-; }
cmp "$(last undisturbed)" "$(last a)" || fail "the models differ"
conclude "$kills kills in $((SECONDS - begin)) s: trace ($(wc -l <a.jsonl) lines) and last model are the undisturbed run's, byte for byte"
