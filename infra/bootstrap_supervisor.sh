#!/usr/bin/env bash
# Brings a server that setup_server.sh made ready to a running, self-updating
# materia: installs units and the start script, deploys the newest verified
# release, starts it.
#
#   sudo infra/bootstrap_supervisor.sh --remote https://git.example.org/g/materia.git \
#        [--branch main] [--allowed-signers /etc/materia/allowed_signers] [--artefacts DIR-or-https] [--no-start]
#
# Run it from a checkout of the version to begin with; its program makes the
# first release, through every check that a later one goes through. Run again,
# it changes nothing.
#
#   MATERIA_HOME=/opt/materia MATERIA_DATA=/data/materia
#   MATERIA_PROGRAM=PATH   use this materia for the first release instead of `make build`
set -euo pipefail

home=${MATERIA_HOME:-/opt/materia}
data=${MATERIA_DATA:-/data/materia}
here=$(cd "$(dirname "$0")/.." && pwd)
remote='' branch=main signers='' artefacts='' start=1
changed=0
say() { echo "bootstrap_supervisor: $*"; }
change() { changed=$((changed + 1)); say "$*"; }
die() { echo "bootstrap_supervisor: $*" >&2; exit "${2:-1}"; }

while [ $# -gt 0 ]; do
  case $1 in
  --remote) remote=${2:?}; shift 2 ;;
  --branch) branch=${2:?}; shift 2 ;;
  --allowed-signers) signers=${2:?}; shift 2 ;;
  --artefacts) artefacts=${2:?}; shift 2 ;;
  --no-start) start=0; shift ;;
  *) die "usage: bootstrap_supervisor.sh --remote URL [--branch B] [--allowed-signers FILE] [--artefacts A] [--no-start]" 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || die "needs root"
id materia >/dev/null 2>&1 || die "no user materia: run infra/setup_server.sh first"
[ -s "$home/age-key.txt" ] || die "no $home/age-key.txt: run infra/setup_server.sh first"
case $remote in *://*:*@*) die "the remote's address holds a password: use a read-only deploy key or a public address" ;; esac

# put FROM TO MODE: installs a file if it differs, in one rename.
put() {
  if ! cmp -s "$1" "$2"; then
    install -m "$3" "$1" "$2.new"
    mv "$2.new" "$2"
    change "installed $2"
  fi
}

settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
conf=/etc/materia/deploy.env
if [ -n "$remote" ]; then
  {
    echo "# Where releases come from. Written by bootstrap_supervisor.sh; no secret belongs here."
    echo "SUPERVISOR_GIT_PULL=1"
    echo "MATERIA_HOME=$home"
    echo "DEPLOY_REMOTE=$remote"
    echo "DEPLOY_BRANCH=$branch"
    echo "DEPLOY_ALLOWED_SIGNERS=$signers"
    echo "DEPLOY_ARTEFACTS=$artefacts"
  } >"$settings"
  put "$settings" "$conf" 644
elif [ ! -s "$conf" ]; then
  die "--remote is needed the first time" 2
fi

put "$here/infra/supervisor/start-materia" "$home/bin/start-materia" 755
units=()
# Sockets first: whoever asks the web before it runs waits instead of failing.
for unit in "$here"/infra/supervisor/*.socket "$here"/infra/supervisor/*.path "$here"/infra/supervisor/*.timer "$here"/infra/supervisor/*.service; do
  [ -e "$unit" ] || continue
  put "$unit" "/etc/systemd/system/$(basename "$unit")" 644
  if grep -q '^\[Install\]' "$unit"; then units+=("$(basename "$unit")"); fi
done

if [ ! -e "$home/current" ]; then
  program=${MATERIA_PROGRAM:-$here/bin/materia}
  [ -n "${MATERIA_PROGRAM:-}" ] || make -C "$here" build
  set -a
  # shellcheck disable=SC1090 # written above
  . "$conf"
  set +a
  say "making the first release; this builds materia and takes minutes"
  runuser -u materia -- env "HOME=$home" "PATH=$PATH" "SOPS_AGE_KEY_FILE=$home/age-key.txt" \
    "LANDING_DIR=$data/landing" "DUCKDB_PATH=$data/lakehouse.duckdb" "SERVING_DUCKDB_PATH=$data/analytics.duckdb" \
    "$program" deploy poll
  [ -e "$home/current" ] || die "no release was made; see above"
  change "deployed $(readlink "$home/current")"
fi

if [ "$start" = 1 ]; then
  systemctl daemon-reload
  for unit in "${units[@]}"; do
    if ! systemctl is-enabled --quiet "$unit"; then
      systemctl enable --quiet "$unit"
      change "enabled $unit"
    fi
    if ! systemctl is-active --quiet "$unit"; then
      systemctl start "$unit"
      change "started $unit"
    fi
  done
fi
if [ "$changed" = 0 ]; then say "nothing to change"; fi
