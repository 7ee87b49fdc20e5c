#!/bin/busybox sh
# The guest's first process: makes a small system of the archive, runs the tests, and switches the machine off.
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin HOME=/root CI=true XDPKIT_STOCK_KERNEL=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/netns
mount -t devpts pts /dev/pts
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tracefs trace /sys/kernel/tracing
ln -s /proc/self/fd /dev/fd
for module in /modules/*.ko; do insmod "$module" || echo "insmod $module failed"; done
ip link set lo up
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
sysctl -q -w kernel.panic_on_oops=1
stty -F /dev/ttyS1 raw -echo
export TMPDIR="$(cat /tmpdir.path)"
cd "$(cat /root.path)" && node scripts/vm/inside/run-tests.mjs > /dev/ttyS1
echo "xdpkit-status $?" > /dev/ttyS1
poweroff -f
