#!/usr/bin/env bash
# From a bare Debian root to a running, self-updating materia, under a real
# systemd and with real signatures, sops and age:
#
#   setup_server.sh twice, the second time without a change
#   the server's key into .sops.yaml, updatekeys, commit, signed tag, push
#   bootstrap_supervisor.sh twice, the second time without a change
#   a new tag is built by `make build` inside the hardened unit, from nothing, and
#   deployed while visitors ask: none is turned away
#   the tag after it is built with warm caches
#   an unhealthy tag is taken back
#   a reboot comes back
#
# The first release and the unhealthy one take the program from bin/materia. Go and
# the modules are this machine's, read-only; C, C++ and make are the root's own.
# Where something is missing it says SKIPPED and exits 0.
#
#   MATERIA_SYSTEMD_DEPLOY_ROOT=/var/tmp/materia-systemd-deploy-root   kept between runs
set -euo pipefail
cd "$(dirname "$0")/.."
test_name=systemd-deploy-test
# shellcheck source=scripts/systemd_machine.sh
. scripts/systemd_machine.sh
root=${MATERIA_SYSTEMD_DEPLOY_ROOT:-/var/tmp/materia-systemd-deploy-root}

[ -x bin/materia ] || fail "no bin/materia: make build"
command -v sops >/dev/null || skip "sops is not installed"
command -v go >/dev/null || skip "go is not installed"
go mod download || skip "the modules cannot be had"
machine_root "$root" systemd,systemd-sysv,dbus,git,age,openssh-client,build-essential,curl,ca-certificates,iproute2
machine_binds="$(go env GOROOT) /usr/local/go
$(go env GOMODCACHE)/cache/download /test/modules"

# As bare as the packages leave it, and a developer's checkout in /src.
chmod -R u+w "$root/opt/materia" 2>/dev/null || true # Go's modules are read-only
rm -rf "$root"/opt/materia "$root"/data "$root"/src "$root"/srv/materia.git "$root"/etc/materia "$root"/etc/systemd/system/*materia* "$root"/etc/systemd/system/*.wants/materia*
chroot "$root" userdel materia 2>/dev/null || true
mkdir -p "$root/src" "$root/test"
git ls-files -z | xargs -0 cp --parents -t "$root/src"
install -m 755 bin/materia "$root/test/materia"
install -m 755 "$(command -v sops)" "$root/usr/local/bin/sops"
# Published data, so that the web is healthy: the demo's.
./bin/materia demo --once --dir "$root/test/demo" >"$root/test/demo.log" 2>&1 || fail "demo: $(tail -n 3 "$root/test/demo.log")"

cat >"$root/test/lib" <<'LIB'
fail() {
  echo "FAILED: $*"
  systemctl status 'materia-*' --no-pager -n 5
  journalctl -u 'materia-*' --no-pager -n 60
  echo 1 >/test/result
  systemctl poweroff --force
  exit 1
}
until_true() { for _ in $(seq "${3:-480}"); do if eval "$2"; then return; fi; sleep 0.5; done; fail "$1"; }
status() { MATERIA_HOME=/opt/materia /opt/materia/current/bin/materia deploy status --json; }
current() { basename "$(readlink /opt/materia/current)"; }
settled() { [[ $(current) == "$1"-* ]] && [ ! -e /opt/materia/trial ]; }
health() { curl -fsS -m 5 http://127.0.0.1:8080/healthz; }
LIB
cat >"$root/test/first" <<'FIRST'
#!/bin/bash
set -u
. /test/lib
export HOME=/root GIT_CONFIG_GLOBAL=/root/.gitconfig
ip link set lo up

# The server.
said=$(cd /src && MATERIA_SKIP_PACKAGES=1 infra/setup_server.sh) || fail "setup: $said"
public=$(sed -n 's/.*public key: //p' <<<"$said")
said=$(cd /src && MATERIA_SKIP_PACKAGES=1 infra/setup_server.sh) || fail "setup again: $said"
grep -q "nothing to change" <<<"$said" || fail "a second setup changed something: $said"
echo "setup: twice, public key $public"

# A developer, elsewhere: key to SOPS, signed commit and tag, push.
cd /src || exit 1
rm -f /root/dev.key
age-keygen -o /root/dev.key 2>/dev/null
mine=$(age-keygen -y /root/dev.key)
rules() { printf 'creation_rules:\n  - path_regex: \\.env\\.prod\\.sops$\n    age: %s\n' "$1" >.sops.yaml; }
rules "$mine"
printf 'LANDING_DIR=/data/materia/landing\nDUCKDB_PATH=/data/materia/lakehouse.duckdb\nSERVING_DUCKDB_PATH=/data/materia/analytics.duckdb\nALERT_WEBHOOK_URL=\n' >plain
sops encrypt --input-type dotenv --output-type dotenv --filename-override .env.prod.sops plain >.env.prod.sops && rm plain
rules "$mine,$public"
chmod 600 /root/dev.key
SOPS_AGE_KEY_FILE=/root/dev.key /test/materia secrets updatekeys --env prod || fail "updatekeys"
cp Makefile /root/Makefile.real
printf 'build:\n\tmkdir -p bin\n\tcp /test/materia bin/materia\n' >Makefile
rm -f /root/signer*
ssh-keygen -q -t ed25519 -N '' -C ana@example.org -f /root/signer
printf '[user]\nname=ana\nemail=ana@example.org\nsigningkey=/root/signer\n[gpg]\nformat=ssh\n[init]\ndefaultBranch=main\n[commit]\ngpgsign=true\n[safe]\ndirectory=*\n' >/root/.gitconfig
printf 'ana@example.org namespaces="git" %s\n' "$(cat /root/signer.pub)" >/etc/materia/allowed_signers
git init --quiet --bare -b main /srv/materia.git
git init --quiet && git add -A && git commit --quiet -m v1 && git remote add origin /srv/materia.git
release() { git add -A && git commit --quiet --allow-empty -m "$1" && git push --quiet origin HEAD:main && git tag "$1" && git push --quiet origin "$1" && chown -R materia:materia /srv/materia.git; }
release v1 || fail "push"

# The data of a server that has worked for a while.
cp -r /test/demo/. /data/materia/ && chown -R materia:materia /data/materia
# A module proxy that is a folder; go.sum says what its modules must be.
mkdir -p /opt/materia/.config/go
printf 'GOPROXY=file:///test/modules\nGOSUMDB=off\nGOFLAGS=-mod=readonly\n' >/opt/materia/.config/go/env
chown -R materia:materia /opt/materia/.config
mkdir -p /etc/systemd/system/materia-supervisor.service.d
printf '[Service]\nEnvironment=MATERIA_UPSTREAM=http://127.0.0.1:9 TRIAL_SECONDS=60\n' >/etc/systemd/system/materia-supervisor.service.d/test.conf

boot() { MATERIA_PROGRAM=/test/materia infra/bootstrap_supervisor.sh --remote /srv/materia.git --allowed-signers /etc/materia/allowed_signers; }
said=$(boot 2>&1) || fail "bootstrap: $said"
until_true "v1 healthy" 'settled 1 && health >/dev/null'
said=$(boot 2>&1) || fail "bootstrap again: $said"
grep -q "nothing to change" <<<"$said" || fail "a second bootstrap changed something: $said"
echo "bootstrap: twice; $(health)"

# Visitors, each over a connection of its own.
: >/test/asked; : >/test/refused
(while [ ! -e /test/stop ]; do echo x >>/test/asked; curl -fsS -m 60 -o /dev/null http://127.0.0.1:8080/ 2>>/test/refused; sleep 0.02; done) &
cp /root/Makefile.real Makefile
echo "// v2" >>cmd/materia/main.go # the web runs from something new
began=$(date +%s)
release v2 || fail "push v2"
until_true "v2 built, healthy, served by it" 'settled 2 && health | grep -q "@2-"' 3000
cmp -s /test/materia /opt/materia/current/bin/materia && fail "v2 is no build of its own"
[ -d /opt/materia/.cache/go-build ] && [ -d /opt/materia/go/pkg/mod/github.com/duckdb ] || fail "v2 was not built by the unit"
echo "v2: compiled in the unit from nothing, healthy after $(($(date +%s) - began)) s; $(health)"
echo "// v3" >>cmd/materia/main.go
began=$(date +%s)
release v3 || fail "push v3"
until_true "v3 built, healthy, served by it" 'settled 3 && health | grep -q "@3-"' 1200
echo "v3: compiled in the unit with warm caches, healthy after $(($(date +%s) - began)) s; $(health)"

# A release whose supervisor does not come up.
printf 'build:\n\tmkdir -p bin\n\tcp /test/materia bin/materia\n\techo "x = [" >infra/supervisor/workflows.toml\n' >Makefile
began=$(date +%s)
release v4 || fail "push v4"
until_true "v4 taken back" 'settled 3 && status | grep -q "\"verdict\": \"failed: it ended"'
echo "v4: taken back after $(($(date +%s) - began)) s"
until_true "the supervisor of v3 works" 'systemctl is-active --quiet materia-supervisor'
touch /test/stop
wait
[ ! -s /test/refused ] || fail "visitors were turned away: $(cat /test/refused)"
echo "visitors: $(wc -l </test/asked), none turned away"
echo second >/test/phase
systemctl reboot --force
FIRST
cat >"$root/test/second" <<'SECOND'
#!/bin/bash
set -u
. /test/lib
ip link set lo up
until_true "after the reboot: v3 healthy" 'settled 3 && health >/dev/null && systemctl is-active --quiet materia-supervisor'
echo "reboot: $(health)"
echo 0 >/test/result
systemctl poweroff --force
SECOND
cat >"$root/test/run" <<'RUN'
#!/bin/bash
exec "/test/$(cat /test/phase)"
RUN
echo first >"$root/test/phase"
chmod 755 "$root"/test/{run,first,second}
cat >"$root/etc/systemd/system/test.service" <<'UNIT'
[Unit]
Description=the test
[Service]
Type=oneshot
ExecStart=/test/run
StandardOutput=append:/test/log
StandardError=append:/test/log
TimeoutStartSec=3000
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sfn /etc/systemd/system/test.service "$root/etc/systemd/system/multi-user.target.wants/test.service"
rm -f "$root"/test/{log,result,stop}

machine_cgroup
for _ in first second; do
  machine_boot "$root" 3100 --net
  [ ! -e "$root/test/result" ] || break
done
cat "$root/test/log" 2>/dev/null || { cat "$root/test/console"; skip "systemd does not start in namespaces here"; }
[ "$(cat "$root/test/result" 2>/dev/null)" = 0 ] || fail "failed; see above"
echo "$test_name: ok"
