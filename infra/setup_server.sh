#!/usr/bin/env bash
# Makes a bare Debian server ready for materia: packages, user, folders, age key.
#
#   sudo infra/setup_server.sh            # the server
#   infra/setup_server.sh --key-only      # only an age-key.txt in this folder, for a person
#
# Run again, it changes nothing. It prints the public key of the server's age
# identity: add it to .sops.yaml, run `materia secrets updatekeys --env prod`,
# commit and push; then run infra/bootstrap_supervisor.sh on the server.
#
#   MATERIA_HOME=/opt/materia   releases, the clone, the age identity
#   MATERIA_DATA=/data/materia  landing zone, lakehouse, published file
#   MATERIA_SKIP_PACKAGES=1     packages are there already
set -euo pipefail

home=${MATERIA_HOME:-/opt/materia}
data=${MATERIA_DATA:-/data/materia}
changed=0
say() { echo "setup_server: $*"; }
change() { changed=$((changed + 1)); say "$*"; }

# key FILE: makes an age identity that only its owner reads. age-keygen writes
# to a temporary first, so a crash leaves no half of a key under the name.
key() {
  if [ ! -s "$1" ]; then
    rm -f "$1.tmp"
    (umask 077 && age-keygen -o "$1.tmp" 2>/dev/null)
    mv "$1.tmp" "$1"
    change "made the age identity $1"
  fi
  chmod 600 "$1"
  say "public key: $(age-keygen -y "$1")"
}

if [ "${1:-}" = --key-only ]; then
  key age-key.txt
  exit 0
elif [ $# -gt 0 ]; then
  echo "usage: setup_server.sh [--key-only]" >&2
  exit 2
fi

if [ "$(id -u)" != 0 ]; then
  echo "setup_server: needs root (or --key-only)" >&2
  exit 1
fi

if [ -z "${MATERIA_SKIP_PACKAGES:-}" ]; then
  missing=()
  for package in build-essential git age openssh-client ca-certificates curl; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    change "installed ${missing[*]}"
  fi
fi

if ! id materia >/dev/null 2>&1; then
  useradd --system --home-dir "$home" --no-create-home --shell /usr/sbin/nologin materia
  change "made the user materia"
fi

# folder PATH MODE
folder() {
  if [ ! -d "$1" ]; then
    install -d -o materia -g materia -m "$2" "$1"
    change "made $1"
  fi
}
folder "$home" 755
folder "$home/bin" 755
folder "$home/releases" 755
folder "$home/run" 755
folder "$data" 750
folder "$data/landing" 750
if [ ! -d /etc/materia ]; then
  install -d -m 755 /etc/materia
  change "made /etc/materia"
fi
# What starts releases and takes them back belongs to root: no release can
# change it.
chown root:root "$home/bin"

key "$home/age-key.txt"
chown materia:materia "$home/age-key.txt"

for program in go sops; do
  command -v "$program" >/dev/null || say "$program is missing: README's 'What a machine needs' says how to get Go; then: GOBIN=/usr/local/bin go install github.com/getsops/sops/v3/cmd/sops@v3.13.3"
done

if [ "$changed" = 0 ]; then say "nothing to change"; fi
