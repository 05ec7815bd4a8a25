#!/usr/bin/env bash
# Runs the units of infra/supervisor under a real systemd, which is process 1 of
# namespaces of its own in a Debian root that debootstrap makes:
#
#   start to ready, status text, progress
#   a second supervisor is refused with 11
#   a hung supervisor (SIGSTOP) is restarted by the watchdog
#   a killed one (SIGKILL) is started again
#   stop ends it and its child within TimeoutStopSec
#   the backup's timer fires, and its unit, with secrets that the program decrypts,
#   fills a bucket; a key that does not fit fails it without a side effect
#   exposure of every unit is at most 2.0
#
# It needs root, unshare, debootstrap and a Debian mirror the first time; where
# something is missing it says SKIPPED and exits 0.
#
#   MATERIA_SYSTEMD_ROOT=/var/tmp/materia-systemd-root   kept between runs
set -euo pipefail
cd "$(dirname "$0")/.."
test_name=systemd-test
# shellcheck source=scripts/systemd_machine.sh
. scripts/systemd_machine.sh
root=${MATERIA_SYSTEMD_ROOT:-/var/tmp/materia-systemd-root}

[ -x bin/materia ] || fail "no bin/materia: make build"
command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
command -v sops >/dev/null || skip "sops is not installed"
command -v go >/dev/null || skip "go is not installed"
for unit in infra/supervisor/*.service; do
  line=$(systemd-analyze security --offline=true --no-pager "$unit" | tail -n 1)
  score=$(sed -n 's/.*: \([0-9.]*\) .*/\1/p' <<<"$line")
  awk -v s="$score" 'BEGIN { exit !(s != "" && s <= 2.0) }' || fail "$unit: exposure ${score:-unknown}, want at most 2.0"
  echo "exposure $score  $(basename "$unit")"
done

machine_root "$root" systemd,systemd-sysv,dbus

# The machine inside: user, folders, program, units, and the test as a service.
rm -rf "$root"/opt/materia "$root"/data "$root"/test "$root"/etc/systemd/system/materia* "$root"/etc/systemd/system/*.wants/materia*
mkdir -p "$root"/opt/materia/{bin,run,releases/test/bin} "$root"/data/materia/landing "$root"/test
chroot "$root" id materia >/dev/null 2>&1 || chroot "$root" useradd --system --home-dir /opt/materia --no-create-home materia
cp bin/materia "$root/opt/materia/releases/test/bin/materia"
cp -r transform "$root/opt/materia/releases/test/transform"
ln -sfn releases/test "$root/opt/materia/current"
install -m 755 infra/supervisor/start-materia "$root/opt/materia/bin/start-materia"
cp infra/supervisor/*.service infra/supervisor/*.timer infra/supervisor/*.socket "$root/etc/systemd/system/"
# One workflow, of an upstream that accepts connections and never answers, so
# that a child lives when it is stopped.
mkdir -p "$root/opt/materia/releases/test/infra/supervisor"
printf '[[workflow]]\nname = "prices"\nschedule = "hourly"\npipeline = "extract_prices"\n' >"$root/opt/materia/releases/test/infra/supervisor/workflows.toml"
# Secrets for the key of development, which stands in for the server's; and a few
# landed files to back up.
install -m 755 "$(command -v sops)" "$root/usr/local/bin/sops"
install -m 600 infra/dev-only.agekey "$root/opt/materia/age-key.txt"
secret=backup-secret-$$
printf 'BACKUP_S3_ENDPOINT=http://127.0.0.1:9998\nBACKUP_S3_BUCKET=drill\nBACKUP_S3_ACCESS_KEY_ID=KEY\nBACKUP_S3_SECRET_ACCESS_KEY=%s\nLANDING_DIR=/data/materia/landing\n' "$secret" |
  sops encrypt --age "$(sed -n 's/.*public key: //p' infra/dev-only.agekey)" --input-type dotenv --output-type dotenv --filename-override .env.prod.sops >"$root/opt/materia/releases/test/.env.prod.sops"
demo=$(mktemp -d)
./bin/materia demo --once --years 0 --dir "$demo" >"$demo/log" 2>&1 || fail "demo: $(tail -n 3 "$demo/log")"
cp -r "$demo/landing" "$root/data/materia/" && rm -rf "$demo"
chroot "$root" chown -R materia:materia /opt/materia/releases /opt/materia/run /opt/materia/age-key.txt /data/materia

dropin() { mkdir -p "$root/etc/systemd/system/$1.d" && cat >"$root/etc/systemd/system/$1.d/test.conf"; }
# Only what has no place here is replaced: secrets (no key), waits of hours.
dropin materia-supervisor.service <<'EOF'
[Service]
ExecStart=
ExecStart=/opt/materia/bin/start-materia /opt/materia --log-format json supervisor
Environment=LANDING_DIR=/data/materia/landing DUCKDB_PATH=/data/materia/lakehouse.duckdb SERVING_DUCKDB_PATH=/data/materia/analytics.duckdb
Environment=MATERIA_UPSTREAM=http://127.0.0.1:9999
WatchdogSec=40
EOF
dropin materia-backup.timer <<'EOF'
[Timer]
OnCalendar=
OnCalendar=*:*:0/20
RandomizedDelaySec=0
AccuracySec=1s
EOF
cat >"$root/etc/systemd/system/test.service" <<'EOF'
[Unit]
Description=the test
[Service]
Type=oneshot
ExecStart=/test/run
StandardOutput=append:/test/log
StandardError=append:/test/log
TimeoutStartSec=450
[Install]
WantedBy=multi-user.target
EOF
cat >"$root/etc/systemd/system/blackhole.socket" <<'EOF'
[Socket]
ListenStream=127.0.0.1:9999
[Install]
WantedBy=sockets.target
EOF
cat >"$root/etc/systemd/system/blackhole.service" <<'EOF'
[Service]
ExecStart=/bin/sleep infinity
EOF
cat >"$root/test/run" <<'EOF'
#!/bin/bash
set -u
unit=materia-supervisor.service
ip link set lo up 2>/dev/null
fail() { echo "FAILED: $*"; systemctl status $unit --no-pager -n 20; journalctl -u $unit --no-pager -n 40; echo 1 >/test/result; systemctl poweroff --force; exit 1; }
pid() { systemctl show -p MainPID --value $unit; }
status() { systemctl show -p StatusText --value $unit; }
children() { # that run a pipeline
  local n=0
  for p in $(cat /sys/fs/cgroup/system.slice/$unit/cgroup.procs 2>/dev/null); do
    tr '\0' ' ' </proc/"$p"/cmdline 2>/dev/null | grep -q "pipeline run" && n=$((n + 1))
  done
  echo "$n"
}
until_true() { for _ in $(seq 240); do if eval "$2"; then return; fi; sleep 0.5; done; fail "$1"; }

t0=$(date +%s.%N)
systemctl start $unit || fail "start"
echo "ready after $(echo "$(date +%s.%N) $t0" | awk '{printf "%.2f", $1-$2}') s, pid $(pid)"
until_true "a child runs" '[ "$(children)" = 1 ]'
until_true "the status says so" '[[ "$(status)" == "running prices" ]]'
echo "working: status '$(status)'"

runuser -u materia -- env LANDING_DIR=/data/materia/landing /opt/materia/current/bin/materia --project /opt/materia/current/transform supervisor --workflows /opt/materia/current/infra/supervisor/workflows.toml
code=$?
[ $code = 11 ] || fail "a second supervisor exits $code, want 11"
echo "second supervisor: exit 11"

first=$(pid)
kill -STOP "$first"
until_true "the watchdog restarts a hung supervisor" '[ "$(pid)" != "$first" ] && [ "$(pid)" != 0 ] && systemctl is-active --quiet $unit'
journalctl -u $unit --no-pager | grep -q -i "watchdog timeout" || fail "no watchdog timeout in the journal"
echo "hung: restarted by the watchdog, pid $first -> $(pid), NRestarts $(systemctl show -p NRestarts --value $unit)"

second=$(pid)
kill -KILL "$second"
until_true "a killed supervisor is started again" '[ "$(pid)" != "$second" ] && [ "$(pid)" != 0 ] && systemctl is-active --quiet $unit'
echo "killed: started again, pid $second -> $(pid)"

until_true "a child runs again" '[ "$(children)" = 1 ]'
t0=$(date +%s)
systemctl stop $unit || fail "stop"
took=$(($(date +%s) - t0))
[ $took -le 60 ] || fail "stop took $took s"
[ "$(children)" = 0 ] || fail "a child outlived the stop"
[ "$(systemctl show -p Result --value $unit)" = success ] || fail "stopped with $(systemctl show -p Result --value $unit)"
echo "stopped within $took s, no child left"

runs() { journalctl -u materia-backup --no-pager -o cat | grep -c "^backup run: uploaded"; }
names() { bash -c 'exec 3<>/dev/tcp/127.0.0.1/9998; printf "GET /__names HTTP/1.0\r\n\r\n" >&3; cat <&3' | tr -d '\r' | sed '1,/^$/d'; }
mv /opt/materia/age-key.txt /opt/materia/age-key.kept
systemctl start materia-backup.service && fail "a backup without a key"
[ -z "$(names)" ] || fail "a backup without a key uploaded: $(names)"
journalctl -u materia-backup --no-pager -o cat | grep -q "age-key.txt" || fail "it does not name the key's file"
mv /opt/materia/age-key.kept /opt/materia/age-key.txt
echo "backup without a key: failed, nothing uploaded"
systemctl start materia-backup.timer || fail "start the timer"
until_true "the timer fires and a backup fills the bucket" '[ "$(runs)" -ge 1 ] && [ "$(systemctl show -p Result --value materia-backup)" = success ]'
first=$(names | wc -l)
files=$(find /data/materia/landing -type f -not -path '*/.*' | wc -l)
[ "$(names | grep -vc '/\.\|^\.\|^state/')" -ge "$files" ] || fail "$files files landed, and in the bucket are: $(names | head -n 5) ..."
names | grep -q "^state/" || fail "no state in the bucket"
until_true "the timer fires again" '[ "$(runs)" -ge 2 ]'
journalctl -u materia-backup --no-pager -o cat | grep "^backup run: uploaded" | sed 's/^/  /'
systemctl stop materia-backup.timer
systemctl start materia-backup-verify.service || fail "verify: $(journalctl -u materia-backup-verify --no-pager -n 20)"
journalctl -u materia-backup-verify --no-pager -o cat | grep "^backup verify: read back" | sed 's/^/  /'
journalctl --no-pager | grep -q "$(cat /test/secret)" && fail "the secret is in the journal"
echo "backup: timer fired $(runs) times, $first objects, secrets decrypted by the program, none in the journal"
echo 0 >/test/result
systemctl poweroff --force
EOF
chmod 755 "$root/test/run"
for w in multi-user.target.wants/test.service sockets.target.wants/blackhole.socket; do
  mkdir -p "$root/etc/systemd/system/$(dirname "$w")"
  ln -sfn "/etc/systemd/system/$(basename "$w")" "$root/etc/systemd/system/$w"
done

echo "$secret" >"$root/test/secret"
go build -o "$root/test/s3bucket" ./scripts/s3bucket
machine_cgroup
"$root/test/s3bucket" 127.0.0.1:9998 drill KEY "$secret" &
bucket=$!
trap 'kill $bucket; machine_cleanup' EXIT
rm -f "$root/test/log" "$root/test/result"
machine_boot "$root" 500
cat "$root/test/log" 2>/dev/null || { cat "$root/test/console"; skip "systemd does not start in namespaces here"; }
[ "$(cat "$root/test/result" 2>/dev/null)" = 0 ] || fail "failed; see above"
echo "$test_name: ok"
