#!/usr/bin/env bash
# Sets up what is missing, runs the proof and prints what passed, failed and was skipped, and what was left out.
#   scripts/test.sh [--yes] [--all] [--only SUITE | --file FILE] [--budget MINUTES] [--note] [--plan]
#     --all       every file, however long it takes, and notes it in test/proof.json
#     --only      check, unit, golden, contract, cli, journey, browser, e2e or deep, as a whole
#     --file      one file of journey, browser, e2e or deep; several times for several
#     --budget    what the run may take (default 45): as many files as fit, those that the change touches first
#     --note      notes of each file that passed its time, the date and the commit in test/proof.json
#     --plan      says what would run, and why, and ends
set -euo pipefail
PROOF_STARTED=$(date +%s)
export PROOF_STARTED
# shellcheck source=scripts/prepare.sh
. "$(dirname "$0")/prepare.sh"

ALL=(check unit golden contract cli journey browser e2e deep)
yes=() only='' pass=() plan=''
while [ $# -gt 0 ]; do
  case $1 in
    --yes | -y) yes=(--yes) ;;
    --all | --note) pass+=("$1") ;;
    --plan) plan=yes; pass+=("$1") ;;
    --only) only=${2:-}; pass+=("$1" "$only"); shift ;;
    --file) pass+=("$1" "${2:-}"); shift ;;
    --budget)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--budget takes a number of minutes" "scripts/test.sh --budget 45"
      pass+=("$1" "$2"); shift ;;
    *) fail "unknown argument $1" "scripts/test.sh [--yes] [--all] [--only SUITE | --file FILE] [--budget MINUTES] [--note] [--plan]" ;;
  esac
  shift
done
[ -z "$only" ] || [[ " ${ALL[*]} " = *" $only "* ]] || fail "there is no suite $only" "one of ${ALL[*]}"
[ "${CI:-}" != true ] || yes=(--yes)
[ -z "$plan" ] || exec node scripts/proof/run.mjs "${pass[@]}"

prepare_node
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
# A signature is checked by it.
needs 'unit cli' gpgv gpgv
# A host with its firewall is played in network namespaces.
needs contract 'nft ip sshd python3' 'nftables iproute2 openssh-server python3'
# Another machine is played in a network namespace, one that copies go to by SSH, and small disks are files.
needs 'e2e deep' 'ip ssh-keygen mkfs.ext4' 'iproute2 openssh-client e2fsprogs'
# Folders of a disk are encrypted by the kernel.
needs 'contract cli e2e' 'xfs_io mkfs.ext4' 'xfsprogs e2fsprogs'
# A TPM is a program there.
needs 'cli contract e2e' 'swtpm tpm2_unseal' 'swtpm tpm2-tools'
needs 'cli' 'systemd-analyze' 'systemd'
case $only in
  check | unit | golden) ;;
  *)
    scripts/setup-docker.sh "${yes[@]}"
    # The base image takes minutes where it must be built: with --yes that goes on beside the checks, as the images do.
    [ ${#yes[@]} -gt 0 ] || prepare_base ;;
esac
exec node scripts/proof/run.mjs ${pass[@]+"${pass[@]}"}
