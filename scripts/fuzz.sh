#!/usr/bin/env bash
# Fuzz every target of the packages, each for so long: scripts/fuzz.sh 10s ./internal/xls/...
# A finding ends it, with the input written to the package's testdata/fuzz.
#
# The coordinator of Go before 1.27 now and then takes the end of -fuzztime itself
# for a failure, mostly on a busy machine (golang/go#75804). It says so in one
# line and writes no input; such a target is begun again, and fails at the third
# time. A real finding is never taken for it: it has an input or other words.
set -euo pipefail
time=$1
shift
go=${GO:-go}

said=$(mktemp)
trap 'rm -f "$said"' EXIT

# fuzz returns 0 for a target that found nothing, 2 where only its time ended it,
# and 1 for a finding or whatever else went wrong.
fuzz() {
  "$go" test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" 2>&1 | tee "$said" && return 0
  words=$(sed -n '/^--- FAIL/,/^FAIL/p' "$said" | sed '1d;$d')
  [ "$words" = "    context deadline exceeded" ] && return 2
  return 1
}

packages=$("$go" list "$@")
for package in $packages; do
  targets=$("$go" test -list '^Fuzz' "$package")
  for target in $(grep '^Fuzz' <<<"$targets" || true); do
    for try in 1 2 3; do
      echo "fuzz $package $target $time"
      code=0
      fuzz "$package" "$target" || code=$?
      [ "$code" = 0 ] && break
      if [ "$code" != 2 ] || [ "$try" = 3 ]; then
        exit 1
      fi
      echo "fuzz: $target only ran out of time (golang/go#75804): again"
    done
  done
done
