#!/usr/bin/env bash
# Runs ShellCheck over every shell script of the repository, known by its first line, with what it sources, and over the
# scripts inside Dockerfiles (COPY <<'SCRIPT').
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v shellcheck >/dev/null || { echo 'Error: ShellCheck is not installed' >&2; echo 'Fix: apt install shellcheck' >&2; exit 1; }
inside=$(mktemp -d)
trap 'rm -rf "$inside"' EXIT

is_shell() {
  local first
  IFS= read -r first <"$1" || [ -n "$first" ] || return 1
  [[ $first =~ ^#!.*[/\ ](sh|bash|dash)(\ |$) ]]
}

# One file for each script inside, with as many empty lines as a finding needs to have the line of the Dockerfile.
split_dockerfile() {
  awk -v base="$inside/${1//\//:}" '
    $0 == "SCRIPT" { if (out) close(out); out = ""; next }
    out { print >out }
    /^COPY .*<<.SCRIPT/ {
      out = base ":" NR
      getline
      print >out
      for (line = 1; line < NR; line++) print "" >out
    }' "$1"
}

mapfile -d '' -t files < <(git ls-files -z --cached --others --exclude-standard)
scripts=()
for file in "${files[@]}"; do
  # One that is deleted and not yet committed is listed too.
  [ -f "$file" ] || continue
  if [ "${file##*/}" = Dockerfile ]; then
    split_dockerfile "$file"
  elif is_shell "$file"; then
    scripts+=("$file")
  fi
done
for file in "$inside"/*; do ! is_shell "$file" || scripts+=("$file"); done
[ ${#scripts[@]} -gt 0 ] || { echo 'Error: no shell script was found' >&2; exit 1; }
# -x: follows `source`; -a: with the findings in what is sourced.
shellcheck -x -a -P SCRIPTDIR "${scripts[@]}"
echo "${#scripts[@]} shell scripts: nothing found"
