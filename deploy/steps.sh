# What the deploy scripts share: to be sourced.
say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
show() {  # prints a command as one would type it
  local word line=+
  for word in "$@"; do
    case $word in
      '' | *[!A-Za-z0-9_.,:=@%+/-]*) line+=" '${word//\'/\'\\\'\'}'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '%s\n' "$line"
}
run() { show "$@"; "$@"; }

# With paths relative to the checkout, ccache serves another checkout (CI's fresh clone) too.
if command -v ccache >/dev/null && [ -z "$(ccache -k base_dir)" ]; then
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
fi
