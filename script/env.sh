# Sourced by the other scripts: where things are. Not meant to be run.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Clones share what they compile: a second clone builds only this workspace's own crates.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/agoge-target}"
export AGOGE_ROOT="$ROOT"
# The native binaries: the shims in node_modules/.bin exit 0 even when the tool fails.
FORGE="$ROOT/lib/node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
ANVIL="$ROOT/lib/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
export FORGE ANVIL

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$1" >&2; [ $# -gt 1 ] && printf 'hint: %s\n' "$2" >&2; exit "${3:-1}"; }
