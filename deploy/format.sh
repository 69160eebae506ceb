#!/usr/bin/env bash
# Formats every source file with clang-format 14 (Debian 12's); with --check it only tells which differ, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(-i)
[ "${1:-}" = --check ] && options=(--dry-run -Werror)
find common dataservice trainer tests \( -name '*.cpp' -o -name '*.hpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 | xargs -0 -n 40 clang-format-14 "${options[@]}"
