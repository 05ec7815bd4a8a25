# shellcheck shell=bash
# Sourced by the systemd tests: a Debian root made by debootstrap, and a real
# systemd in it, as process 1 of namespaces of its own.

# skip WHY, fail WHY: end the test of the name in $test_name, which the caller sets.
: "${test_name:?}"
skip() { echo "SKIPPED: $test_name: $*" >&2; exit 0; }
fail() { echo "$test_name: $*" >&2; exit 1; }

# machine_root ROOT PACKAGES: makes the root unless it stands from a run before.
machine_root() {
  local root=$1 packages=$2
  [ "$(id -u)" = 0 ] || skip "needs root"
  command -v debootstrap >/dev/null || skip "debootstrap is not installed"
  unshare --fork --pid --mount --uts --cgroup true 2>/dev/null || skip "namespaces are not allowed here"
  if [ ! -x "$root/lib/systemd/systemd" ] || [ "$(cat "$root/packages" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$root"
    echo "$test_name: making a Debian root in $root (minutes, once)"
    debootstrap --variant=minbase --include="$packages" bookworm "$root" >"$root.log" 2>&1 || skip "debootstrap failed: $(tail -n 1 "$root.log")"
    echo "$packages" >"$root/packages"
  fi
  mkdir -p "$root/test"
  rm -f "$root/etc/machine-id" && touch "$root/etc/machine-id"
}

# machine_cgroup: a cgroup of its own, also where the machine itself uses version
# 1. Sets $machine_group, which machine_cleanup removes with all that runs in it.
machine_cgroup() {
  machine_groups=$(mktemp -d)
  mount -t cgroup2 cgroup2 "$machine_groups" 2>/dev/null || skip "cgroup2 cannot be mounted here"
  machine_group=$machine_groups/materia-test-$$
  mkdir "$machine_group" || skip "no cgroup can be made here"
  trap machine_cleanup EXIT
}

machine_cleanup() {
  [ ! -e "$machine_group/cgroup.kill" ] || echo 1 >"$machine_group/cgroup.kill" 2>/dev/null || true
  sleep 0.5
  find "$machine_group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  umount "$machine_groups" 2>/dev/null && rmdir "$machine_groups"
}

# machine_binds is what machine_boot shows inside, read-only: FROM TO lines.
machine_binds=

# machine_boot ROOT SECONDS [UNSHARE-FLAG ...]: runs systemd until it powers off
# or reboots, at most so long.
machine_boot() {
  local root=$1 seconds=$2
  shift 2
  # The first process of the new namespaces: it lays out the file systems and
  # becomes systemd.
  cat >"$root/test/inside" <<'INSIDE'
#!/bin/bash
set -eu
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
while read -r from to; do
  [ -n "$from" ] || continue
  mkdir -p "$root$to"
  mount --bind "$from" "$root$to"
  mount -o remount,bind,ro "$root$to"
done <<<"$2"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
while read -r name major minor; do mknod -m 666 "$root/dev/$name" c "$major" "$minor"; done <<'DEV'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
DEV
mkdir "$root/dev/shm" "$root/dev/pts" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
hostname materia-test
cd "$root"
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i container=materia PATH=/usr/bin:/usr/sbin:/bin:/sbin /lib/systemd/systemd --log-target=journal
INSIDE
  (
    echo "$BASHPID" >"$machine_group/cgroup.procs"
    exec timeout -s KILL "$seconds" unshare --fork --pid --mount --uts --ipc --cgroup "$@" --kill-child bash "$root/test/inside" "$root" "$machine_binds"
  ) >"$root/test/console" 2>&1 || true
}
