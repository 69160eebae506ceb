# What befalls a data service beside its trainers: too little memory, strangers, trainers of another build.
too_much_ring() {  # too_much_ring HOW COMMAND...: 2 x 8 slots of 1,000 pictures are 2.24 GiB, the cgroup's limit is 1
  local how=$1
  shift
  refused_start "a ring in too small a cgroup ($how)" 78 \
    'dataservice .rank 0 on .*: too little memory for the batch ring .2 trainers x 8 slots of 1000 pictures.: it needs 2.24 GiB, MemAvailable is [0-9.]* GiB, the cgroup leaves (0.[0-9]*|1.00) GiB; lower train.batch_size or data.slots' \
    30 "$@" "$facetrain" train --config tiny.toml --set data.train_source=many.txt --set train.batch_size=1000 --set data.slots=8
}
real_group() {  # $group: a cgroup inside one of 1 GiB; fails where this user cannot make them
  local folder limit
  for limit in memory/memory.limit_in_bytes memory.max; do
    folder=$(dirname /sys/fs/cgroup/$limit)/facetrain-test-$$
    mkdir "$folder" 2>/dev/null || continue
    group=$folder/inner
    trap 'rmdir "$group" "${group%/inner}"; rm -rf "$work"' EXIT
    mkdir "$group" && echo $((1 << 30)) 2>/dev/null >"$folder/${limit##*/}" && return
    rmdir "$group" "$folder"
    trap 'rm -rf "$work"' EXIT
  done
  return 1
}
fault_31_too_little_memory_for_ring() {
  epochs=2 data
  for _ in $(seq 32); do cat train.txt; done >many.txt
  local tried= version within
  if real_group 2>/dev/null; then
    tried=real
    within=(bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group")
    too_much_ring "a real one" "${within[@]}"
    "${within[@]}" "$facetrain" train --config tiny.toml --set run.prefix=small >out 2>err </dev/null; expect "what the line advises, in the same cgroup" $? 0
    nothing_left
  fi
  # What the files of either version say of a group above ours.
  mkdir -p v1/memory v2
  echo $((1 << 30)) | tee v1/memory/memory.limit_in_bytes >v2/memory.max
  echo 0 | tee v1/memory/memory.usage_in_bytes >v2/memory.current
  for version in v1 v2; do
    grep -q "$([ $version = v1 ] && echo ':memory:' || echo '^0::')" /proc/self/cgroup || continue   # no such tree here
    within=(unshare -m bash -c 'mount --bind "$0" /sys/fs/cgroup && exec "$@"' "$work/$version")
    "${within[@]}" true 2>/dev/null || continue
    tried="$tried shown-as-$version"
    too_much_ring "one shown as $version" "${within[@]}"
  done
  echo "cgroups tried: ${tried:-none}"
  [ -n "$tried" ] || [ "$failures" != 0 ] || echo "SKIPPED: this user can neither make a cgroup nor mount a folder in its place"
}

strangers() {  # strangers SOCKET SERVICE'S PROCESS: another user, noise, silence, half a hello, and a crowd
  python3 - "$@" <<'P'
import os, socket, sys, time
name, process = sys.argv[1], sys.argv[2]
def stranger():
    s = socket.socket(socket.AF_UNIX)
    s.connect("\0" + name[1:])
    return s
def must_end(s, least, most, who):
    begin = time.monotonic()
    s.settimeout(most + 5)
    try:
        said = s.recv(1)
    except ConnectionResetError:
        said = b""
    took = time.monotonic() - begin
    assert said == b"", f"{who} was answered"
    assert least <= took <= most, f"{who} was sent away after {took:.1f} s"
if os.getuid() == 0:
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            must_end(stranger(), 0, 5, "another user")
        except BaseException as error:
            print(error)
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "another user"
else:
    print("not run: another user, as only root can become one")
silent, slow = stranger(), stranger()
slow.send(b"half a hello")
loud = stranger()
loud.send(bytes(range(256)) * 64)
must_end(loud, 0, 5, "noise")
must_end(silent, 7, 15, "silence")
must_end(slow, 0, 5, "half a hello")
crowd = [stranger() for _ in range(300)]
time.sleep(1)
held = len(os.listdir(f"/proc/{process}/fd"))
assert held < 100, f"the service holds {held} descriptors"
for s in crowd[:200]: must_end(s, 0, 5, "one of a crowd")
P
}
fault_34_strangers_at_the_socket() {
  epochs=100000 data   # as long as it takes
  background; until_saved 2
  strangers "$(cat held)" "$(service_pid)" >strange 2>&1 || fail "the strangers say: $(tail -n 3 strange)"
  cat strange
  kill -USR1 "$launcher"
  ended "a run with strangers" 75 30
  local turned="^dataservice: WARNING: process [0-9]+ of user"
  [ "$(id -u)" != 0 ] || says "$turned 65534 connected to the data service's socket and was turned away: it is another user's; training goes on"
  says "$turned $(id -u) .*: what it says is no trainer's hello; training goes on"
  expect "who was silent" "$(grep -cE "$turned $(id -u) .*: it has said nothing that a trainer says for 10 s; training goes on" err)" 2
  expect "lines about strangers" "$(grep -cE "$turned" err)" 10
  expect "lines on the error output" "$(wc -l <err)" 10
  local enough=$(($(latest) / 4 + 1))
  undisturbed --set train.epochs=$enough
  goes_on --set train.epochs=$enough
}

other_build() {  # other_build PROGRAM: as if another version had been compiled
  python3 - "$1" "$("$facetrain" --version | sed 's/^facetrain //; s/, id .*//')" <<'P'
import sys
path, build = sys.argv[1], sys.argv[2].encode()
program = open(path, "rb").read()
assert build in program
open(path, "wb").write(program.replace(build, b"9" + build[1:]))
P
}
fault_35_different_builds() {
  data
  mkdir mixed
  cp "$bin"/facetrain* "$bin/dataservice" "$bin/trainer" mixed/
  other_build mixed/dataservice || fail "no other build to test with"
  local build="[09]\\.[0-9.]*, commit [^:]*, id [0-9a-f]{16}" one="start the programs of one build on all nodes"
  refused_start "a service of another build" 78 "^dataservice .rank 0 on .*. is of build $build, but trainer .rank 1 on .*. of build $build: $one" 20 \
    mixed/facetrain train --config tiny.toml
  expect "lines on the error output" "$(wc -l <err)" 1
  expect "builds named" "$(grep -oE "id [0-9a-f]{16}" err | sort -u | wc -l)" 2
  # A trainer alone, as on a node that has not been updated.
  other_build mixed/trainer || fail "no other build to test with"
  refused_start "a trainer of another build" 78 "^dataservice .rank 0 on .*. is of build $build, but trainer .rank 2 on .*. of build $build: $one" 20 \
    mpirun --oversubscribe --bind-to none -np 1 "$bin/dataservice" --config tiny.toml : -np 1 "$bin/trainer" --config tiny.toml : -np 1 mixed/trainer --config tiny.toml
  expect "builds named" "$(grep -oE "id [0-9a-f]{16}" err | sort -u | wc -l)" 2
}
