#!/bin/sh
# Runs cmake/install_packages.sh against stand-ins for dpkg-query, apt-get, sudo and id, and looks at
# what it would have done: nothing when all is installed, only what is missing otherwise.
set -eu
script=$PWD/cmake/install_packages.sh
list=$PWD/cmake/packages.txt
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin" "$scratch/sudo"
log=$scratch/log

stub() { printf '#!/bin/sh\n%s\n' "$2" >"$scratch/$1" && chmod +x "$scratch/$1"; }
# ABSENT: packages that dpkg does not know. REMOVED: known, but not installed any more.
stub bin/dpkg-query 'for name in "$@"; do :; done
case " $ABSENT " in *" $name "*) exit 1;; esac
case " $REMOVED " in *" $name "*) echo config-files;; *) echo installed;; esac'
stub bin/apt-get "echo \"\$DEBIAN_FRONTEND apt-get \$*\" >>$log; exit \${APT_RESULT:-0}"
stub bin/id 'echo "$USER_ID"'
stub sudo/sudo "echo sudo >>$log; exec \"\$@\""
for tool in sh awk grep dirname env; do ln -s "$(command -v $tool)" "$scratch/bin/$tool"; done

failures=0
expect() {  # expect WHAT RESULT LOG; runs "build check" with the variables set by the caller
  : >"$log"
  result=0
  ABSENT="$ABSENT" REMOVED="$REMOVED" USER_ID="$USER_ID" APT_RESULT="${APT_RESULT:-0}" \
    PATH="$path" sh "$script" build check >"$scratch/out" 2>&1 || result=$?
  if [ "$result" != "$2" ] || [ "$(cat "$log")" != "$3" ]; then
    echo "FAILED: $1: result $result (expected $2), commands:" && cat "$log" "$scratch/out"
    failures=$((failures + 1))
  fi
}
apt='noninteractive apt-get -o DPkg::Lock::Timeout=300 -q'
update="$apt update"
install="$apt install -y --no-install-recommends"
path=$scratch/bin
newline='
'

ABSENT= REMOVED= USER_ID=0
expect 'all installed: apt stays untouched' 0 ''
ABSENT=clang-14 REMOVED=libfmt-dev
expect 'only what is missing, after an update' 0 "$update$newline$install libfmt-dev clang-14"
APT_RESULT=100
expect 'a failing apt is reported' 100 "$update"
APT_RESULT=0 USER_ID=1000
expect 'neither root nor sudo: refused' 1 ''
grep -q 'neither root nor sudo' "$scratch/out" || { echo 'FAILED: no reason given'; failures=1; }
path=$scratch/bin:$scratch/sudo
expect 'sudo is used' 0 "sudo$newline$update${newline}sudo$newline$install libfmt-dev clang-14"

bad=$(awk '!/^#/ && NF && NF != 2' "$list")
[ -z "$bad" ] || { echo "FAILED: lines of packages.txt that are not GROUP PACKAGE: $bad"; failures=1; }
[ "$failures" -eq 0 ] && echo 'install_packages.sh: all as expected'
