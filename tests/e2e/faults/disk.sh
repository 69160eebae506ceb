# A disk that is full or cannot be written.
small_disk() {  # small_disk FOLDER SIZE: a tmpfs there, until the test ends
  mkdir -p "$1"
  if ! mount -t tmpfs -o "size=$2" none "$1" 2>/dev/null; then
    [ "$failures" = 0 ] || exit 1
    echo "SKIPPED: this user cannot mount a small tmpfs"
    exit 0
  fi
  trap 'umount -l "$work/'"$1"'" 2>/dev/null; rm -rf "$work"' EXIT
}
fault_14_disk_full_before_save() { full_disk_case 0; }
fault_15_disk_full_in_save() { full_disk_case 50; }
fault_16_disk_full_at_the_end_of_save() { full_disk_case 99; }
full_disk_case() {  # full_disk_case PERCENT: of the second checkpoint find room
  epochs=3 data
  undisturbed
  local pages
  pages=$(find runs/undisturbed/checkpoints/step_4 -type f -printf '%s\n' | awk '{pages += int(($1 + 4095) / 4096)} END {print pages}')
  small_disk $checkpoints $((4 * (pages + pages * $1 / 100)))k
  train --set checkpoint.minutes=0 --set checkpoint.keep=0
  expect "a full disk" $? 74
  says 'WARNING: checkpoint step_8 was not written: .*No space left on device; the checkpoint before it stays, training goes on'
  only_line "^trainer .rank 1 on $(uname -n).: checkpoint step_12 was not written: write runs/a/checkpoints/step_12[^ ]*: No space left on device; the checkpoint before it stays$"
  expect "what is there" "$(ls $checkpoints)" step_4
  nothing_left
  mount -o remount,size=64m "$work/$checkpoints"
  goes_on --set checkpoint.minutes=0 --set checkpoint.keep=0
}
fault_17_disk_full_in_export() {
  epochs=2 data
  undisturbed
  small_disk runs/a/models 64k
  train --set checkpoint.minutes=0
  expect "no room for a model" $? 74
  says 'WARNING: the model was not exported: write .*No space left on device; training goes on'
  only_line "^trainer .rank 1 on $(uname -n).: write runs/a/models/[^ ]*: No space left on device$"
  expect "what is there" "$(ls runs/a/models)" ""
  nothing_left
  mount -o remount,size=64m "$work/runs/a/models"
  goes_on --set checkpoint.minutes=0
  expect "models" "$(ls runs/a/models | wc -l)" 1
}
fault_18_read_only_folder() {
  epochs=2 data
  mkdir -p runs/a
  small_disk runs/a 1m
  mount -o remount,ro "$work/runs/a"
  train
  expect "a folder that is read-only" $? 74
  only_line "^trainer .rank 1 on $(uname -n).: create runs/a/lock: Read-only file system$"
  nothing_left
}
