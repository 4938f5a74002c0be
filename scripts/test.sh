#!/usr/bin/env bash
# Sets up what is missing, runs every suite and prints what passed, failed and was skipped.
#   scripts/test.sh [--yes] [--only SUITE]     SUITE: check, unit, golden, contract, cli, e2e or browser
set -euo pipefail
# shellcheck source=scripts/prepare.sh
. "$(dirname "$0")/prepare.sh"

ALL=(check unit golden contract cli e2e browser)
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
if [ -z "$only" ] || [ "$only" = browser ]; then
  if ! command -v chromium >/dev/null; then
    [ ${#yes[@]} -gt 0 ] || fail "the browser suite needs Chromium" "apt install chromium, or run with --yes"
    say "Installing Chromium ..."
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  fi
fi
if [ -z "$only" ] || [ "$only" = cli ]; then
  # Their completions are tried in the shells themselves.
  if ! { command -v zsh && command -v fish; } >/dev/null; then
    [ ${#yes[@]} -gt 0 ] || fail "the cli suite needs zsh and fish" "apt install zsh fish, or run with --yes"
    say "Installing zsh and fish ..."
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends zsh fish >/dev/null
  fi
fi
if [ -z "$only" ] || [ "$only" = e2e ]; then
  # Another machine is played in a network namespace.
  if ! PATH=$PATH:/usr/sbin:/sbin command -v ip >/dev/null; then
    [ ${#yes[@]} -gt 0 ] || fail "the e2e suite needs ip" "apt install iproute2, or run with --yes"
    say "Installing iproute2 ..."
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends iproute2 >/dev/null
  fi
fi
exec node scripts/run-suites.mjs ${only:+"$only"}
