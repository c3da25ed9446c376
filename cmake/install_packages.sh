#!/bin/sh
# Installs what is missing of the package groups named, e.g. `install_packages.sh build check`.
# Quiet and without touching apt when everything is there. Needs root or sudo only to install.
set -eu
list=$(dirname "$0")/packages.txt

missing=
for group in "$@"; do
  for package in $(awk -v group="$group" '$1 == group { print $2 }' "$list"); do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      missing="$missing $package"
  done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "No apt-get here: please install the equivalents of these Debian packages:$missing" >&2
  exit 0
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null; then
  as_root=sudo
else
  echo "Packages are missing and neither root nor sudo is available. Please have installed:" >&2
  echo "  apt-get install$missing" >&2
  exit 1
fi

apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"; }
echo "Installing:$missing" >&2
case $missing in
  *:arm64*) $as_root dpkg --add-architecture arm64 ;;
esac
apt -q update
# shellcheck disable=SC2086  # one argument per package
apt -q install -y --no-install-recommends $missing
