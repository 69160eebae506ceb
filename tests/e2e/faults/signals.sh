# The job is asked to stop: it writes a checkpoint and ends with 75.
stopped_inside_an_epoch() { grep -q '^step = [1-9]' "$checkpoints/step_$(latest)/manifest.toml"; }
fault_07_usr1() {  # in the middle of an epoch
  data; undisturbed
  local try
  for try in 1 2 3 4 5 6; do
    background; until_saved $((6 * try))
    kill -USR1 "$launcher"
    ended USR1 75 30
    says 'Stopped as asked after step'
    [ ! -s err ] || fail "the error output says: $(cat err)"
    stopped_inside_an_epoch && break
  done
  stopped_inside_an_epoch || fail "it has never stopped inside an epoch"
  goes_on
  # Everything else that a recipe can have in its state.
  recipe train.epochs=6 train.precision=fp64 train.optimizer=adamw train.scheduler=true train.accumulate=2
  head -32 train.txt >half.txt
  recipe train.epochs=2 data.train_source=half.txt model.model=iresnet model.depth=18 model.width=0.1 model.dropout=0.4 data.order=chunked data.shard=8 data.window=16 head.sample_rate=0.5
}
recipe() {  # recipe KEY=VALUE...: interrupted inside an epoch, and bit for bit the same
  local sets=(--set train.batch_size=4) key try
  for key in "$@"; do sets+=(--set "$key"); done
  rm -rf runs a.jsonl undisturbed.jsonl
  undisturbed "${sets[@]}"
  for try in 1 2 3; do
    rm -rf runs/a a.jsonl
    background "${sets[@]}" --set debug.inject=rank=1,step=5,fault=slow,steps=3; until_saved 4
    kill -USR1 "$launcher"
    ended "USR1: $2" 75 30
    stopped_inside_an_epoch && break
  done
  stopped_inside_an_epoch || fail "$2: it has never stopped inside an epoch"
  goes_on "${sets[@]}"
}
fault_08_usr1_twice() {
  data; undisturbed; background; until_saved 6
  kill -USR1 "$launcher"; kill -USR1 "$launcher"; sleep 0.05; kill -USR1 "$launcher" 2>/dev/null
  ended "USR1 twice" 75 30
  goes_on
}
usr1_while() {  # usr1_while WHAT: the trainers stand still in the middle of it until the signal is on its way
  local trainers tries=0
  trainers=$(pids "$bin/trainer ")
  while kill -0 "$launcher" 2>/dev/null; do
    $1 || continue
    kill -STOP $trainers
    tries=$((tries + 1))
    if $1; then
      kill -USR1 "$launcher"
      sleep 0.2
      kill -CONT $trainers
      echo "$1: met at try $tries"
      return
    fi
    kill -CONT $trainers
  done
  fail "it was never met $1 ($tries tries)"
}
validating() { [ "$(tail -n 1 runs/a/training.log | grep -c 'Validating')" = 1 ]; }
saving() { compgen -G "$checkpoints/*.tmp.*" >/dev/null; }
fault_09_usr1_in_validation() {
  data
  sed -i 's/^reduce_lr.*/&\n[validation]\nval_source = "data\/val"\nval_list = ["synth"]/' tiny.toml
  undisturbed; background; until_saved 2
  usr1_while validating
  ended "USR1 in the validation" 75 30
  goes_on
}
fault_10_usr1_in_save() {  # checkpoints are written without a pause
  data; undisturbed
  for round in 1 2 3; do
    background; until_saved $((6 * round))
    usr1_while saving
    ended "USR1 in a save" 75 30
  done
  goes_on
}
fault_11_usr1_before_first_step() {
  data; undisturbed; background
  until_started
  kill -USR1 "$launcher"
  [ ! -s a.jsonl ] || fail "there had been updates: $(wc -l <a.jsonl)"
  ended "USR1 before the first step" 75 30
  train; expect "starting again" $? 0
  cmp undisturbed.jsonl a.jsonl || fail "the run that went on took other steps"
}
signalled() {  # signalled SIGNAL NAME
  data; undisturbed; background; until_saved 6
  kill "-$1" "$launcher"
  ended "$1" 75 30
  says "facetrain: $2: the job finishes its step and writes a checkpoint"
  goes_on
}
fault_12_term() { signalled TERM SIGTERM; }
fault_13_ctrl_c() { signalled INT Ctrl-C; }
