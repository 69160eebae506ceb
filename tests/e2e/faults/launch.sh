# Jobs that are started wrongly, or beside each other.
fault_32_two_jobs_one_folder() {
  epochs=100000 data
  background; until_saved 2
  local first=$launcher code=0
  timeout -k 5 60 "$facetrain" train --config tiny.toml >out2 2>err2 </dev/null || code=$?
  expect "a second job" "$code" 78
  grep -qE 'trainer .*: runs/a is in use by process [0-9]+ on .*: wait until it ends, or start this run with another run.prefix' err2 || fail "nobody is named: $(cat err2)"
  kill -0 "$first" 2>/dev/null || fail "the first job did not live on"
  # Killed as a whole, as with its node: the next job takes the folder over.
  kill -9 $(processes | cut -d' ' -f1) 2>/dev/null
  wait "$first" 2>/dev/null
  rm -rf "${TMPDIR:?}"/*   # what Open MPI itself leaves
  background
  for _ in $(seq 600); do grep -q "Going on from $checkpoints/step_" out && break; sleep 0.05; done
  says "Going on from $checkpoints/step_"
  kill -USR1 "$launcher"
  ended "the job that took over" 75 30
}
fault_33_two_jobs_one_node() {
  data; undisturbed
  "$facetrain" train --config tiny.toml --set run.prefix=b --set run.trace=b.jsonl >out2 2>err2 </dev/null &
  local second=$!
  train; expect "the first job" $? 0
  wait $second; expect "the second job" $? 0
  { cmp undisturbed.jsonl a.jsonl && cmp undisturbed.jsonl b.jsonl; } || fail "the jobs disturbed each other"
  nothing_left
}
fault_36_wrong_role_counts() {
  data
  local many="mpirun --oversubscribe --bind-to none"
  refused_start "three trainers of two" 78 'launch.trainers is 2 but 3 trainers were started on node 0: start `' 20 $many -np 1 "$bin/dataservice" --config tiny.toml : -np 3 "$bin/trainer" --config tiny.toml
  refused_start "no service" 78 'trainer .rank 0 on .*: node 0 has 0 data services and 2 trainers' 20 $many -np 2 "$bin/trainer" --config tiny.toml
  refused_start "two services" 78 'dataservice .rank 0 on .*: node 0 has 2 data services and 2 trainers' 20 $many -np 2 "$bin/dataservice" --config tiny.toml : -np 2 "$bin/trainer" --config tiny.toml
}
fault_37_more_ranks_than_gpus() {
  data
  FACETRAIN_TEST_GPUS=2 refused_start "three trainers, two GPUs" 78 '3 trainers per node need as many GPUs, but 2 GPUs are visible' 5 "$facetrain" train --config tiny.toml --set launch.trainers=3
}
fault_38_one_gpu_twice() {
  data
  FACETRAIN_TEST_GPUS=2 refused_start "GPU 0 twice" 78 'launch.gpus.*names a GPU twice; each trainer needs its own' 5 "$facetrain" train --config tiny.toml --set 'launch.gpus=[0,0]'
}
