#!/bin/bash
# The inside of systemd_namespace.py: from a process in new pid, mount, uts, ipc and net namespaces to systemd as
# PID 1 of them, on a throw-away overlay of this machine's root. Nothing outside DIR and a cgroup of its own is
# touched; all mounts vanish with the namespace.
#
#   systemd_namespace.sh enter DIR     DIR/tree is laid over the root, DIR/binds lists folders to show inside,
#                                      DIR/name is what its cgroup is called
#   systemd_namespace.sh leave DIR     remove the cgroup (in a mount namespace of its own)
set -eu
verb=$1 dir=$2
cgroup=$(cat "$dir/name")

enter() {
    mkdir -p "$dir/cgroup" "$dir/layers"
    mount -t cgroup2 none "$dir/cgroup"
    mkdir -p "$dir/cgroup/$cgroup"
    echo 0 > "$dir/cgroup/$cgroup/cgroup.procs"
    exec unshare --cgroup bash "$0" boot "$dir" # the new cgroup becomes the root of what systemd sees
}

boot() {
    local root=$dir/layers/root
    umount "$dir/cgroup"
    mount -t tmpfs -o mode=755,size=1g none "$dir/layers"
    mkdir "$dir"/layers/{upper,work,root}
    mount -t overlay -o "lowerdir=/,upperdir=$dir/layers/upper,workdir=$dir/layers/work" none "$root"
    strip_units "$root"
    cp -a --no-preserve=ownership "$dir/tree/." "$root/"
    while read -r source target; do
        mkdir -p "$root$target"
        mount --rbind "$source" "$root$target"
        mount -o remount,bind,ro "$root$target"
    done < "$dir/binds"
    mount_kernel "$root"
    mkdir -p "$root/.old"
    cd "$root"
    pivot_root . .old
    umount -l /.old
    rmdir /.old
    ip link set lo up
    mount --make-rshared / # what systemd does itself outside of containers
    # what could reach beyond the namespaces is given up for good
    exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-mknod,-syslog \
        env -i container=penstock-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=basic.target --show-status=no --log-target=console
}

# Leave of Debian's boot only what a service needs: the journal.
strip_units() {
    local units=$1/lib/systemd/system kept
    rm -rf "$1/etc/systemd/system" "$1"/var/log/journal "$1/etc/fstab" "$1/etc/machine-id"
    mkdir -p "$1/etc/systemd/system"
    rm -f "$units"/{timers,paths,local-fs}.target.wants/*
    for kept in "$units"/sysinit.target.wants/* "$units"/sockets.target.wants/*; do
        case $(basename "$kept") in
        systemd-journald.service | systemd-journald.socket | systemd-journald-dev-log.socket | systemd-tmpfiles-setup.service) ;;
        *) rm -f "$kept" ;;
        esac
    done
    tr -d - < /proc/sys/kernel/random/uuid > "$1/etc/machine-id"
}

mount_kernel() {
    local root=$1 node
    mount -t proc -o nosuid,nodev,noexec none "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro,nosuid,nodev,noexec none "$root/sys"
    mount -t cgroup2 none "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 none "$root/run"
    mount -t tmpfs -o mode=1777 none "$root/tmp"
    mount -t tmpfs -o mode=755,nosuid none "$root/dev"
    mkdir "$root"/dev/{pts,shm}
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 none "$root/dev/pts"
    mount -t tmpfs -o mode=1777 none "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for node in null zero full random urandom tty; do
        : > "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    : > "$root/dev/console"
    mount --bind "$(cat "$dir/console")" "$root/dev/console"
}

leave() {
    mount -t cgroup2 none "$dir/cgroup"
    find "$dir/cgroup/$cgroup" -depth -type d -exec rmdir {} +
}

"$verb"
