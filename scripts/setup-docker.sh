#!/usr/bin/env bash
# Gives this machine a Docker Engine with Compose and Buildx, on Debian and Ubuntu.
# Does nothing where an engine already answers; safe to run twice.
#   scripts/setup-docker.sh [--yes]     --yes: install without asking
set -euo pipefail
# apt reads what is written here as another user.
umask 022

# Older ones lack health checks with a start interval and `compose up --wait-timeout`.
MIN_ENGINE=25 MIN_COMPOSE=2.24
yes=false
for arg in "$@"; do
  case $arg in
    --yes | -y) yes=true ;;
    *) echo "usage: $0 [--yes]" >&2; exit 2 ;;
  esac
done

say() { printf '%s\n' "$*" >&2; }
fail() { say "Error: $1"; say "Fix: $2"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
server_version() { docker version --format '{{.Server.Version}}' 2>/dev/null; }
compose_version() { docker compose version --short 2>/dev/null | sed 's/^v//'; }
engine_answers() { command -v docker >/dev/null && server_version >/dev/null; }

complete() {
  at_least "$(server_version)" "$MIN_ENGINE" \
    || fail "the Docker Engine here is $(server_version); medianest needs $MIN_ENGINE or newer" "upgrade it as you installed it (https://docs.docker.com/engine/install/)"
  at_least "$(compose_version || echo 0)" "$MIN_COMPOSE" && docker buildx version >/dev/null 2>&1
}

if engine_answers; then
  if complete; then
    say "Docker Engine $(server_version) with Compose $(compose_version): nothing to do"
    exit 0
  fi
  fail "the engine answers, but the Compose ($MIN_COMPOSE or newer) or Buildx plugin is missing" "install both beside your Docker: packages docker-compose-plugin and docker-buildx-plugin"
fi

# shellcheck source=/dev/null
. /etc/os-release
case "${ID:-}" in
  debian | ubuntu) ;;
  *) fail "installing Docker on ${PRETTY_NAME:-this system} is not something this script does" "install Docker Engine $MIN_ENGINE or newer (https://docs.docker.com/engine/install/), then run this again" ;;
esac

if ! command -v dockerd >/dev/null || ! at_least "$(compose_version || echo 0)" "$MIN_COMPOSE"; then
  if ! $yes; then
    [ -t 0 ] || fail "no Docker Engine answers, and there is no terminal to ask on" "run with --yes to install it from ${ID^}'s packages"
    read -r -p "Install Docker from ${ID^}'s packages? [y/N] " answer
    [[ $answer =~ ^[yY] ]] || fail "Docker was not installed" "install it yourself, or answer y"
  fi
  packages=(docker.io docker-cli docker-compose docker-buildx containerd iptables)
  if [ "$ID" = ubuntu ]; then
    packages=(docker.io docker-compose-v2 docker-buildx iptables)
  elif at_least 12 "${VERSION_ID:-99}"; then
    # Debian 12 has no Compose v2 and an engine of 2022: take these packages, and only these, from a newer suite.
    # shellcheck disable=SC2016 # apt expands it, not the shell
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 2>/dev/null | grep -v security | head -n 1)
    [ -n "$mirror" ] || mirror=$(awk '/^URIs:/ && !/security/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)
    printf 'Types: deb\nURIs: %s\nSuites: forky\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$mirror" \
      | as_root tee /etc/apt/sources.list.d/medianest-docker.sources >/dev/null
    printf 'Package: *\nPin: release n=forky\nPin-Priority: 100\n' | as_root tee /etc/apt/preferences.d/medianest-docker >/dev/null
    packages=(docker.io/forky docker-cli/forky docker-compose/forky docker-buildx/forky containerd/forky iptables)
  fi
  say "Installing ${packages[*]} ..."
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

if ! engine_answers; then
  if [ -d /run/systemd/system ]; then
    as_root systemctl enable --now docker
  else
    # An engine that was killed leaves its pid files behind; dockerd refuses to start beside one whose number lives again.
    pgrep -x dockerd >/dev/null || as_root rm -f /run/docker.pid /run/docker/containerd/containerd.pid
    say "Starting dockerd (no systemd here), log: /var/log/dockerd.log"
    as_root sh -c 'setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &'
  fi
fi

for _ in $(seq 60); do
  if engine_answers; then
    complete || fail "the engine is up, but its Compose or Buildx plugin is missing or too old" "install docker-compose and docker-buildx"
    say "Docker Engine $(server_version) with Compose $(compose_version) is running"
    exit 0
  fi
  if [ -S /var/run/docker.sock ] && ! [ -w /var/run/docker.sock ]; then
    fail "the engine runs, but $(id -un) may not use it" "sudo usermod -aG docker $(id -un), then log in again"
  fi
  sleep 1
done
fail "dockerd did not answer within 60 s" "see /var/log/dockerd.log (or: journalctl -u docker)"
