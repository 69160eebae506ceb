#!/usr/bin/env bash
# clang-tidy (.clang-tidy) over the given .cpp files, or with --changed over those that the last commit touched, 12 at most.
# Needs build/compile_commands.json (cmake --preset release).
set -euo pipefail
cd "$(dirname "$0")/.."
files=("$@")
if [ "${1:-}" = --changed ]; then
  if git rev-parse -q --verify HEAD~1 >/dev/null 2>&1; then
    mapfile -t files < <(git diff --name-only --diff-filter=d HEAD~1 HEAD -- 'common/*.cpp' 'dataservice/*.cpp' 'trainer/*.cpp' | head -12)
  else   # a shallow clone or an archive: a fixed few, rather than nothing
    files=(common/ipc/*.cpp)
  fi
fi
# clang 14 cannot read libstdc++'s coroutines.
[ ${#files[@]} = 0 ] || mapfile -t files < <(grep -LE 'co_await|co_spawn' "${files[@]}")
[ ${#files[@]} -gt 0 ] || { echo "clang-tidy: no file to check"; exit 0; }
[ -e build/compile_commands.json ] || cmake --preset release >/dev/null
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P 2 clang-tidy-14 -p build --quiet --extra-arg=-Wno-unknown-warning-option
