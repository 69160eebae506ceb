# Numbers that are not finite, storage that stalls, pictures and lists that are bad.
fault_28_nan_on_one_rank() {  # rank 2 is trainer 1; the update is skipped by both
  data
  train --set debug.inject=rank=2,step=5,fault=nan,steps=2
  expect "two bad updates" $? 0
  says 'WARNING: update 5 was skipped: loss or gradients are NaN or infinite, the embeddings too of trainer 1; its samples are in runs/a/nonfinite.jsonl'
  expect "lines on the error output" "$(wc -l <err)" 0
  python3 - <<'P' || fail "the notes are not the trace's samples"
import json, math
trace = {(t["step"], t["rank"]): t for t in map(json.loads, open("a.jsonl"))}
notes = {(t["step"], t["rank"]): t for t in map(json.loads, open("runs/a/nonfinite.jsonl"))}
assert sorted(notes) == [(5, 0), (5, 1), (6, 0), (6, 1)], sorted(notes)
for key, note in notes.items():
    assert note["ids"] == trace[key]["ids"], key
    assert math.isnan(note["loss"]), note
for (step, rank), t in trace.items():
    assert math.isfinite(t["loss"]) == (step not in (5, 6)), t
P
  nothing_left
  # Too many in a row: the run ends, the same command goes on from the last checkpoint.
  rm -rf runs a.jsonl
  undisturbed
  train --set debug.inject=rank=1,step=9,fault=nan,steps=100 --set train.nonfinite_steps=3
  expect "bad updates without end" $? 70
  says 'trainer .rank 1 on .*: 3 updates in a row, up to 11, had a loss or gradients that are NaN or infinite'
  expect "lines on the error output" "$(wc -l <err)" 1
  nothing_left
  train   # the cause is gone
  expect "going on" $? 0
  says 'Going on from runs/a/checkpoints/step_'
  nothing_left
}
fault_29_scale_floor() {  # float16's loss scale, on a CPU too: the gradients of rank 2 overflow until it is below 1
  data; undisturbed
  train --set debug.inject=rank=2,step=9,fault=overflow,steps=100
  expect "overflows without end" $? 70
  says 'trainer .rank 1 on .*: the loss scale fell below 1.* by update 25: the gradients overflow float16 all the same; lower train.lr, or set train.precision = "bf16"'
  expect "lines on the error output" "$(wc -l <err)" 1
  python3 - <<'P' || fail "the updates before it are not as they should be"
import json, math
def trace(path): return [json.loads(line) for line in open(path)]
whole, cut = trace("undisturbed.jsonl"), trace("a.jsonl")
good = [t for t in cut if t["step"] < 9]
assert good == [t for t in whole if t["step"] < 9] and len(good) == 16, "a scale changes nothing while nothing overflows"
bad = [t for t in cut if t["step"] >= 9]
assert {t["step"] for t in bad} == set(range(9, 25)), sorted({t["step"] for t in bad})  # 65536 halved 16 times, and a 17th
assert all(math.isfinite(t["loss"]) and not math.isfinite(t["grad_norm"]) for t in bad)
P
  [ ! -e runs/a/nonfinite.jsonl ] || fail "an overflow was noted as a bad update"
  nothing_left
  train; expect "going on without overflows" $? 0
  says 'Going on from runs/a/checkpoints/step_'
  nothing_left
}
fault_30_stalled_reads() {  # the 300th read never ends: a warning after 10 s, the end after limits.storage
  data; undisturbed
  train --set debug.inject=rank=0,step=300,fault=stall --set limits.storage=12 --set limits.step=5
  expect "storage that stalls" $? 74
  says 'dataservice: WARNING: reading .*data/train/.*[.]jpg has taken 1[0-9] s; the storage stalls'
  says 'dataservice .rank 0 on .*: reading .*data/train/.*[.]jpg has taken [12][0-9] s, longer than limits.storage'
  expect "lines on the error output" "$(wc -l <err)" 2
  goes_on
  # The same while the data are opened: their digest reads a few pictures.
  rm -rf runs/a a.jsonl
  train --set debug.inject=rank=0,step=5,fault=stall --set limits.step=2
  expect "data that do not open" $? 70
  says 'dataservice: opening the data has taken 1[0-9] s so far'
  says 'rank 0 .dataservice on .*. has not opened its data after 2[0-9] s: look at data.train_source'
  nothing_left
  # The same of a checkpoint that is written, by one rank of two.
  rm -rf runs/a a.jsonl
  train --set debug.inject=rank=2,step=8,fault=stall --set limits.storage=12
  expect "a checkpoint that stalls" $? 74
  says 'trainer .rank 2 on .*: WARNING: writing runs/a/checkpoints/step_8.tmp.* has taken 1[0-9] s; the storage stalls'
  says 'trainer .rank 2 on .*: writing runs/a/checkpoints/step_8.tmp.* has taken 1[0-9] s, longer than limits.storage; the job ends here'
  expect "lines on the error output" "$(wc -l <err)" 2
  goes_on
}

fault_39_bad_picture() {  # 1 of 2,048: listed, another sample takes its place, the run goes on
  data
  for i in $(seq 32); do for f in $(cat train.txt); do ln "$f" "${f%.jpg}_$i.jpg"; done; done
  "$facetrain" list -s data/train -d . -sfn many >/dev/null
  local bad
  bad=$(sed -n 1000p many.txt)
  rm "$bad"; echo "no picture" >"$bad"
  train --set data.train_source=many.txt --set train.epochs=1 --set checkpoint.minutes=0
  expect "one bad picture" $? 0
  grep -rqF "$(basename "$bad")" runs/a/*bad* || fail "no list names $bad: $(ls runs/a)"
  expect "steps" "$(sed -n 's/^{"step": \([0-9]*\), "rank": 0.*/\1/p' a.jsonl | tail -1)" "$(($(wc -l <many.txt) / 16))"
  nothing_left
}
fault_40_many_bad_pictures() {
  data
  for f in $(sed -n '1,40p' train.txt); do rm "$f"; echo "no picture" >"$f"; done
  refused_start "40 bad of 64" 66 'dataservice.*too many bad pictures: [0-9]* .the limit is [0-9]*.; the first: .*bad_images.txt' 30 "$facetrain" train --config tiny.toml
}
fault_41_list_that_changes() {  # the service has read it; the next start finds other data
  data; undisturbed; background; until_saved 6
  sed -i '1s/.*/&x/' train.txt
  kill -USR1 "$launcher"
  ended "USR1 after the list changed" 75 30
  refused 'the data are others: their digest .* was [0-9]*, now it is [0-9]*'
  sed -i '1s/x$//' train.txt
  goes_on
}
fault_42_storage_that_fails() {  # not a picture's fault: none is replaced, the job ends
  data
  for f in $(cat train.txt); do ln "$f" "${f%.jpg}_again.jpg"; done
  "$facetrain" list -s data/train -d . -sfn many >/dev/null
  # Every second one, since the data's digest looks at the others. Opening a socket fails with ENXIO.
  python3 - $(sed -n '2~2p' many.txt) <<'P'
import os, socket, sys
for path in sys.argv[1:]:
    os.remove(path)
    os.chdir(os.path.dirname(path))
    socket.socket(socket.AF_UNIX).bind(os.path.basename(path))
P
  local train=("$facetrain" train --config tiny.toml --set data.train_source=many.txt --set data.workers=2)
  local why='dataservice .rank 0 on .*: open .*[.]jpg: No such device or address$'
  refused_start "storage that fails" 74 "$why" 30 "${train[@]}"
  [ -z "$(find runs -name '*bad_images*')" ] || fail "it was taken for a bad picture: $(find runs -name '*bad_images*')"
  # The cause is told although another read, the second after the digest's 64, hangs for ever.
  refused_start "storage that fails beside a read that hangs" 74 "$why" 9 "${train[@]}" --set debug.inject=rank=0,step=66,fault=stall
}
fault_43_stop_while_a_read_hangs() {  # one that is far ahead of the trainers: nobody waits for it at the end
  data; undisturbed
  background --set data.slots=40 --set debug.inject=rank=0,step=664,fault=stall   # after the digest's 64: update 38
  until_saved 8
  kill -USR1 "$launcher"
  ended "USR1 while a read hangs" 75 30
  goes_on
}
