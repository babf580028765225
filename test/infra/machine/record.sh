# shellcheck shell=bash
# Sourced by every stand-in: writes down how it was called, without the password.
echo "$(basename "$0") $*" | sed 's/password=[^]]*/password=.../' >> "$WORK/calls"

# Whether this is the first call under that name.
first() {
  [ -e "$WORK/seen.$1" ] && return 1
  touch "$WORK/seen.$1"
}
