#!/bin/sh
# golden_check must notice what is wrong: exit 1 for one changed parameter, exit 2 and one line for a
# file it cannot use.   refuses.sh GOLDEN_CHECK FILE
set -u
check=$(realpath "$1")
file=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

# number OFFSET SIZE: an unsigned little-endian integer of $file
number() { od -A n -t u"$2" -j "$1" -N "$2" "$file" | tr -d ' '; }
# flip OFFSET MASK: $scratch/bad is $file with the byte at OFFSET xor MASK
flip() {
  cp "$file" "$scratch/bad" && chmod u+w "$scratch/bad"
  byte=$(($(number "$1" 1) ^ $2))
  printf "\\$(printf %03o "$byte")" | dd of="$scratch/bad" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
# expect CODE WHAT PATH: runs golden_check on PATH
expect() {
  "$check" "$3" >"$scratch/out" 2>"$scratch/err"
  code=$?
  lines=$(wc -l <"$scratch/err")
  if [ "$code" -ne "$1" ] || { [ "$1" -eq 2 ] && [ "$lines" -ne 1 ]; }; then
    echo "FAILED: $2: exit $code (want $1), $lines lines of errors"
    cat "$scratch/err"
    failures=$((failures + 1))
  else
    echo "ok: $2: exit $code $(cat "$scratch/err")"
  fi
}
# place NAME: where the data of a tensor begins in $file
place() {
  begin=$(head -c $((8 + header)) "$file" | tail -c "$header" | tr '{' '\n' | grep -A 1 "\"$1\":\$" |
    grep -o '"data_offsets": *\[[0-9]*' | tail -n 1 | grep -o '[0-9]*$')
  echo $((8 + header + begin))
}
# edit FROM TO: $scratch/bad is $file with the first FROM of its header replaced (same length)
edit() {
  at=$(head -c $((8 + header)) "$file" | grep -a -b -o "$1" | head -n 1 | cut -d : -f 1)
  cp "$file" "$scratch/bad" && chmod u+w "$scratch/bad"
  printf %s "$2" | dd of="$scratch/bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
}

header=$(number 0 8)
size=$(wc -c <"$file")
expect 0 "the file as it is" "$file"

flip $(($(place param/agent.fc2.bias) + 2)) 32 # a mantissa bit of one parameter: a quarter of it
expect 1 "one parameter changed" "$scratch/bad"
flip $(($(place grad/agent.fc1.weight) + 6)) 8 # an expected gradient
expect 1 "one expected gradient changed" "$scratch/bad"
flip $(($(place batch/reward) + 3)) 128 # the sign of a reward
expect 1 "one reward changed" "$scratch/bad"

for part in 0 4 8 100 $((8 + header)) $((size / 2)) $((size - 1)); do
  head -c "$part" "$file" >"$scratch/bad"
  expect 2 "cut to $part bytes" "$scratch/bad"
done
flip 1 255
expect 2 "damaged header length" "$scratch/bad"
flip 7 1
expect 2 "enormous header length" "$scratch/bad"
flip 8 1
expect 2 "damaged header" "$scratch/bad"
edit '"variant": *"iql"' '"variant":"ivl"'
expect 2 "unknown learner" "$scratch/bad"
edit '"optimizer": *"rmsprop"' '"optimizer":"rmspr0p"'
expect 2 "unknown optimiser" "$scratch/bad"
edit '"elu_derivative": *"exact"' '"elu_derivative":"exakt"'
expect 2 "unknown derivative" "$scratch/bad"
edit '"hidden_dim": *"16"' '"hidden_dim":"17"'
expect 2 "sizes that do not fit the parameters" "$scratch/bad"
edit '"gamma": *"0.99"' '"gamma":"0.x9"'
expect 2 "a setting that is no number" "$scratch/bad"
flip $(place batch/actions) 64
expect 2 "an action that does not exist" "$scratch/bad"
expect 2 "no such file" "$scratch/none"
expect 2 "a directory" "$scratch"
exit $((failures > 0))
