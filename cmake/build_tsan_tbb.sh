#!/bin/sh
# Builds oneTBB from Debian's source package with ThreadSanitizer and installs it into PREFIX
# (about a minute). Debian's own libtbb is not instrumented: ThreadSanitizer then reports hundreds
# of races that are none, and suppressing them hides the real ones.
# Source packages come from the mirror this machine's own apt sources name.
set -eu
prefix=$(realpath -m "$1")
[ ! -e "$prefix/lib/cmake/TBB/TBBConfig.cmake" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"
mkdir -p lists/partial cache/archives/partial

. /etc/os-release
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
  awk -v release="$VERSION_CODENAME" \
    '$2 == release && $3 == "main" && !seen[$0]++ { print "deb-src", $1, $2, $3 }' >sources.list
if [ ! -s sources.list ]; then
  echo "apt's sources name no '$VERSION_CODENAME main': cannot fetch the source of oneTBB" >&2
  exit 1
fi
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
    -o APT::Sandbox::User="$(id -un)" "$@"
}
apt update
apt source --download-only onetbb
mkdir source
tar -xf onetbb_*.orig.tar.* -C source --strip-components=1

cmake -G Ninja -S source -B build -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=g++ \
  -DTBB_SANITIZE=thread -DCMAKE_CXX_FLAGS=-Wno-tsan -DTBB_TEST=OFF -DTBB_STRICT=OFF -DTBBMALLOC_BUILD=OFF \
  -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_PREFIX="$prefix" >/dev/null
ninja -C build
cmake --install build >/dev/null
echo "oneTBB with ThreadSanitizer: $prefix"
