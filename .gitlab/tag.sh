#!/usr/bin/env bash
# Tags the tested commit v<pipeline number> with the job's own token. Servers
# take it from there. Run again, or after a later pipeline was quicker, it
# changes nothing.
set -euo pipefail

: "${CI_PIPELINE_IID:?} ${CI_COMMIT_SHA:?} ${CI_JOB_TOKEN:?} ${CI_SERVER_URL:?} ${CI_PROJECT_PATH:?}"
[[ $CI_PIPELINE_IID =~ ^[1-9][0-9]*$ ]] || { echo "tag: CI_PIPELINE_IID is no number: $CI_PIPELINE_IID" >&2; exit 1; }
tag=v$CI_PIPELINE_IID
remote=$CI_SERVER_URL/$CI_PROJECT_PATH.git

# git asks this script for the password, so the token is in no address, no
# argument and no log.
ask=$(mktemp)
trap 'rm -f "$ask"' EXIT
# shellcheck disable=SC2016 # expanded when git asks
printf '#!/bin/sh\ncase $1 in Username*) echo gitlab-ci-token ;; *) printenv CI_JOB_TOKEN ;; esac\n' >"$ask"
chmod 700 "$ask"
export GIT_ASKPASS=$ask GIT_TERMINAL_PROMPT=0

tags=$(git ls-remote --tags --refs "$remote" 'refs/tags/v*')
highest=$(sed -nE 's#.*refs/tags/v([0-9]+)$#\1#p' <<<"$tags" | sort -n | tail -n 1)
at=$(awk -v ref="refs/tags/$tag" '$2 == ref {print $1}' <<<"$tags")
if [ -n "$at" ]; then
  [ "$at" = "$CI_COMMIT_SHA" ] || { echo "tag: $tag is at $at already, and a release tag never moves" >&2; exit 1; }
  echo "tag: $tag is there already"
elif [ -n "$highest" ] && [ "$highest" -gt "$CI_PIPELINE_IID" ]; then
  echo "tag: a later pipeline was tagged already (v$highest); nothing to do"
else
  git push --quiet "$remote" "$CI_COMMIT_SHA:refs/tags/$tag"
  echo "tag: $tag at ${CI_COMMIT_SHA:0:12}"
fi
