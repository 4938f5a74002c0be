#!/usr/bin/env bash
# From a bare checkout to a running MediaNest: sets up what is missing, builds, and runs `medianest up`.
#   scripts/quickstart.sh [--yes] [arguments of `medianest up`, such as --profile dev-compose]
# Asks before it installs Docker; --yes does not ask. An engine that answers already is left as it is.
set -euo pipefail
# shellcheck source=scripts/prepare.sh
. "$(dirname "$0")/prepare.sh"

yes=() rest=()
for arg in "$@"; do
  case $arg in
    --yes | -y) yes=(--yes) ;;
    --help | -h) sed -n '2,4s/^# \?//p' "$0"; exit 0 ;;
    *) rest+=("$arg") ;;
  esac
done
prepare_node
prepare_engine "${yes[@]}"
exec bin/medianest up "${rest[@]}"
