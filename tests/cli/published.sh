#!/bin/bash
# The tables below results/ are what the program writes from the numbers beside them, and their manifests
# record them. usage: published.sh CREDO
set -u
credo=$(realpath "$1")
results=$(realpath "$(dirname "$0")/../../results")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

for folder in "$results"/*/; do
  "$credo" verify "$folder" >out 2>&1 || fail "verify $folder: $(cat out)"
done
for plan in "$results"/*/plan.csv; do
  folder=$(dirname "$plan")
  suite=$(sed -n 's/^  "suite": "\(.*\)",$/\1/p' "$folder/manifest.json")
  { printf '# Suite %s\n\n' "$suite" && "$credo" report "$folder"; } >tables.md 2>err
  diff tables.md "$folder/tables.md" >out || fail "$folder/tables.md: not what \`credo report\` writes: $(head -5 out)"
done

# Numbers in prose and docs are those that the scripts compute from the tables.
python3 "$results/claims.py" >out 2>err || fail "results/README.md: $(grep '^!' out)"
python3 "$results/power.py" >out || fail "power.py"
while IFS= read -r line; do
  grep -qxF -- "$line" "$results/../docs/protocol.md" || fail "docs/protocol.md lacks: $line"
done <out

echo "$failures failures"
[ $failures -eq 0 ]
