#!/usr/bin/env bash
# Sets up what is missing, runs every suite and prints what passed, failed and was skipped.
#   scripts/test.sh [--yes] [--only SUITE]     SUITE: check, unit, golden, contract, cli, e2e, alone or browser
set -euo pipefail
# shellcheck source=scripts/prepare.sh
. "$(dirname "$0")/prepare.sh"

ALL=(check unit golden contract cli e2e alone browser)
yes=() only=''
while [ $# -gt 0 ]; do
  case $1 in
    --yes | -y) yes=(--yes) ;;
    --only) only=${2:-}; shift ;;
    *) fail "unknown argument $1" "scripts/test.sh [--yes] [--only SUITE]" ;;
  esac
  shift
done
[ -z "$only" ] || [[ " ${ALL[*]} " = *" $only "* ]] || fail "there is no suite $only" "one of ${ALL[*]}"
[ "${CI:-}" != true ] || yes=(--yes)

prepare_node
case $only in check | unit | golden) ;; *) prepare_engine "${yes[@]}" ;; esac
# What a suite needs besides: its name (or names), a program of each package, the packages.
needs() {
  local suite=$1 packages=$3 program missing=''
  [ -z "$only" ] || [[ " $suite " = *" $only "* ]] || return 0
  for program in $2; do PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || missing=yes; done
  [ -n "$missing" ] || return 0
  [ ${#yes[@]} -gt 0 ] || fail "the suite ${only:-$suite} needs $2" "apt install $packages, or run with --yes"
  say "Installing $packages ..."
  as_root apt-get update -qq
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
}
needs check shellcheck shellcheck
needs browser chromium 'chromium fonts-dejavu-core'
# Their completions are tried in the shells themselves.
needs cli 'zsh fish' 'zsh fish'
# Another machine is played in a network namespace, one that copies go to by SSH, and small disks are files.
needs 'e2e alone' 'ip ssh-keygen mkfs.ext4' 'iproute2 openssh-client e2fsprogs'
exec node scripts/run-suites.mjs ${only:+"$only"}
