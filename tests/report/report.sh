#!/bin/sh
# The HTML report in a browser: runs a small suite, breaks one run, looks at the bytes of the page and
# at what it shows, lets it test itself and measures its layout on screens and on paper
# (tests/browser/check_pages.py); the same of the published results. Usage: report.sh PROGRAM
set -eu
looks=$(realpath "$(dirname "$0")/../browser/check_pages.py")
credo=$(realpath "$1")
browser=$(command -v chromium || command -v chromium-browser || true)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
expect() {  # expect WHAT COMMAND...
  what=$1
  shift
  if ! "$@" >"$scratch/said" 2>&1; then
    echo "FAILED: $what" && head -c 2000 "$scratch/said"
    failures=1
  fi
}
refused() {  # refused TEXT ARGUMENTS...: exit code 2 and a message that holds the text
  text=$1
  shift
  result=0
  "$credo" report "$@" >"$scratch/said" 2>&1 || result=$?
  [ "$result" = 2 ] && grep -qF -- "$text" "$scratch/said"
}

"$credo" suite smoke --seeds 0-2 --out "$scratch/runs" --progress none >/dev/null
# A replay beside a run, and a run that diverged for a hostile reason.
run=$scratch/runs/runs/two_step/qmix_gre/seed_1
mkdir "$run/replays" && echo '<svg xmlns="http://www.w3.org/2000/svg"/>' >"$run/replays/episode 0.svg"
broken=$scratch/runs/runs/two_step/vdn/seed_2/manifest.json
sed -i 's|"status": "done"|"status": "diverged"|; s|"reason": ""|"reason": "</script><script>throw 1</script>"|' \
  "$broken"
page=$scratch/page.html
"$credo" report "$scratch/runs" --format html --out "$page"
"$credo" report "$scratch/runs" --format html --out "$scratch/again.html"

expect 'the same results give the same bytes' cmp "$page" "$scratch/again.html"
expect 'scripts end where they should' [ "$(grep -o '</script' "$page" | wc -l)" = 2 ]
expect 'nothing is loaded' sh -c '! grep -nE "(src|href)=\"?https?:|@import|url\(" "$1"' - "$page"
expect 'the policy forbids a network' grep -q "default-src 'none'" "$page"
expect 'a folder is refused as --out' refused 'is a folder' "$scratch/runs" --format html --out "$scratch"
expect 'a missing folder is refused' refused "$scratch/none" "$scratch/none" --format html
expect 'a misspelt format is refused' refused 'html' "$scratch/runs" --format htlm

if [ -z "$browser" ]; then
  echo 'chromium is not installed: the page was not opened' && exit 1
fi
open() {  # open FRAGMENT OPTIONS...
  fragment=$1
  shift
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$scratch/profile" --enable-logging=stderr --virtual-time-budget=5000 "$@" \
    "file://$page$fragment" >"$scratch/dom" 2>"$scratch/log"
}
quiet() { ! grep CONSOLE "$scratch/log"; }
shows() { grep -qF -- "$1" "$scratch/dom"; }

expect 'the page passes its own test and is laid out well' python3 -B "$looks" report "$page" two_step/qmix_gre
open '' --dump-dom
expect 'the console stays empty' quiet
for part in 'id="glance"' 'id="aggregate"' 'id="task/two_step"' 'data-figure="two_step_return_mean"' 'id="unfinished"' \
  'throw 1&lt;/script&gt;' '2/3 done, 1 diverged'; do
  expect "the page shows $part" shows "$part"
done
open '#cell/two_step/qmix_gre/seed_1' --dump-dom
expect 'the cell shows its configuration' shows '[learner]'
expect 'the cell links its replay' shows 'runs/runs/two_step/qmix_gre/seed_1/replays/episode%200.svg'
# Measured credits, and names of rows that are long.
cat >"$scratch/measured.toml" <<'END'
envs = ["two_step", "predator_prey/5x5"]
algs = ["random", "iql", "vdn", "qmix", "qplex", "coma", "qmix_gre"]
seeds = "0-1"
run.t_max = 60
run.log_interval = 10
run.keep_weights = "0,50%"
learner.batch_size = 4
agent.hidden_dim = 5
evaluation.interval = 20
evaluation.episodes = 2
[alg."qmix_gre".sweep]
"gre.lambda" = [0.01, 0.1, 1.0]
[credits]
checkpoints = "kept,final"
states = 8
episodes = 6
branches = "16:32"
END
"$credo" suite "$scratch/measured.toml" --out "$scratch/measured" --progress none >/dev/null
"$credo" report "$scratch/measured" --format html --out "$page"
expect 'the page of measured credits passes its own test and is laid out well' \
  python3 -B "$looks" report "$page" two_step/qmix
open '' --dump-dom
for part in 'id="credits"' 'data-figure="fidelity_H_g"' 'data-figure="true_H"' 'class="credits"' \
  'data-figure="two_step_agreement"' 'data-figure="two_step_response"'; do
  expect "the page shows $part" shows "$part"
done
# Tasks that are won or lost, among others.
"$credo" report "$(dirname "$0")/../../results/standard" --format html --out "$page"
expect 'the page of published results passes its own test and is laid out well' \
  python3 -B "$looks" report "$page" skirmish/3m/qmix_gre
open '' --dump-dom
expect 'battles show the share won' shows 'title="open_loop on skirmish/3m: win rate 1.000 [1.000, 1.000], done"'
[ "$failures" = 0 ] && echo 'the HTML report: all as expected'
