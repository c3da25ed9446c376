#!/bin/bash
# The packages of `make package` in a Debian 12 that holds nothing else: installed as the Dockerfile does,
# and the archive unpacked; the program prints the recorded signature and finishes a run. Needs root,
# debootstrap and a Debian mirror.
# usage: chroot.sh PACKAGES [CHROOT]; a folder for the chroot is kept, and used again when it exists
set -eu
packages=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
chroot=${2:-}
if [ -z "$chroot" ]; then
  chroot=$(mktemp -d)
  trap 'rm -rf --one-file-system "$chroot"' EXIT
fi
[ -e "$chroot/etc/debian_version" ] ||
  debootstrap --variant=minbase bookworm "$chroot" >/dev/null
cp /etc/resolv.conf "$chroot/etc/resolv.conf"

inside() { chroot "$chroot" /usr/bin/env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root "$@"; }
apt() { inside DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$chroot/tmp/apt.log" 2>&1 ||
  { cat "$chroot/tmp/apt.log"; exit 1; }; }
expected=$(head -n 1 "$root/tests/golden/signature.txt")
works() { # PROGRAM
  signature=$(inside "$1" bench signature --threads 1)
  echo "$1: $signature"
  [ "$signature" = "$expected" ] || { echo "FAILED: recorded is $expected"; exit 1; }
  inside rm -rf /tmp/run
  inside "$1" run --env two_step --alg vdn --t-max 2000 --quiet --out /tmp/run
  inside "$1" verify /tmp/run
}

inside sh -c 'rm -rf /tmp/*.deb /tmp/*.tar.gz /opt/credo && mkdir /opt/credo'
cp "$packages"/credo_*.deb "$packages"/credo-dev_*.deb "$packages"/credo-*.tar.gz "$chroot/tmp/"
apt update
apt install -y --no-install-recommends "/tmp/$(basename "$packages"/credo_*.deb)"
works /usr/bin/credo
inside sh -c 'tar -C /opt/credo --strip-components=1 -xzf /tmp/credo-*.tar.gz'
works /opt/credo/bin/credo

# find_package(Credo) against the installed headers and libraries.
apt install -y --no-install-recommends cmake g++ ninja-build librandom123-dev \
  "/tmp/$(basename "$packages"/credo-dev_*.deb)"
rm -rf "$chroot/tmp/consumer"
cp -r "$root/tests/consumer" "$chroot/tmp/consumer"
inside cmake -S /tmp/consumer -B /tmp/consumer/build -G Ninja >"$chroot/tmp/cmake.log"
inside cmake --build /tmp/consumer/build >>"$chroot/tmp/cmake.log"
echo "consumer: $(inside sh -c '/tmp/consumer/build/consumer' | tail -n 1)"
