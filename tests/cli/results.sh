#!/bin/bash
# What report, compare and eval say about results that are incomplete, uneven or few, and their exit
# codes. usage: results.sh CREDO
set -u
credo=$(realpath "$1")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"

# expect CODE COMMAND...: stdout in `out`, stderr in `err`.
expect() {
  local code=$1
  shift
  "$credo" "$@" >out 2>err </dev/null
  local got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, not $code: $(head -3 err)"
}
said() { grep -qF -- "$2" "$1" || fail "$1 does not say '$2': $(head -5 "$1")"; }
silent() { grep -qF -- "$2" "$1" && fail "$1 says '$2'"; }

tiny_suite 0-5 >tiny.toml
make_suite() { "$credo" suite ./tiny.toml --progress none --quiet --out "$@" >/dev/null 2>err || fail "suite $*: $(cat err)"; }
make_suite whole
run=runs/two_step/vdn

# --- few values
expect 0 eval --policy random --env two_step --episodes 1
silent out '+-'
said out 'over 1 episode,'
expect 0 eval --policy random --env two_step --episodes 1 --json
said out '"return_std": null'
said out '"return_se": null'
expect 0 eval --policy random --env two_step --episodes 4
said out '(standard error, of few values) over 4 episodes'
expect 0 eval --policy random --env two_step --episodes 5
said out '(standard error) over 5 episodes'
expect 0 report whole/$run/seed_0
said out '| vdn       |     0 |        7.00 |         7.00 |'
said out 'One seed has no interval.'

# --- compare: the test that is printed decides
expect 0 compare whole whole --strict
said out 'equal'
# The manifest's hash of a file that was changed.
rehash() {
  sed -i "s|\"$2\": \"[0-9a-f]*\"|\"$2\": \"$(sha256sum <"$1/$2" | cut -d' ' -f1)\"|" "$1/manifest.json"
}
# part NAME SEEDS DIGITS: the vdn runs of some seeds, with digits put before the final score of each.
part() {
  rm -rf "$1" && mkdir -p "$1"
  local seed
  for seed in $2; do
    cp -r whole/$run/seed_"$seed" "$1"/
    sed -i "/\"event\":\"final\"/s/\"test_return_mean\":/&$3/" "$1/seed_$seed/metrics.jsonl"
    rehash "$1/seed_$seed" metrics.jsonl
  done
}
part one '0' '' && part one_new '0' 1
expect 0 compare one one --strict
expect 1 compare one one_new --strict
said out 'cannot tell'
silent out 'moved'
expect 0 compare one one_new
part two '0 1' '' && part two_new '0 1' 1
expect 1 compare two two_new --strict
said out '0.5000  cannot tell'
part five '0 1 2 3 4' '' && part five_new '0 1 2 3 4' 1
expect 1 compare five five_new --strict
said out '0.0625  cannot tell'
expect 3 compare five five_new --strict --level 0.1
said out '0.0625  moved'
part six '0 1 2 3 4 5' '' && part six_new '0 1 2 3 4 5' 1
expect 3 compare six six_new --strict
said out '0.0312  moved'
expect 2 compare six six_new --level 1.5
said err "--level: '1.5'"

# --- compare: lost runs
lose() { sed -i 's|"status": "done"|"status": "'"$2"'"|' "$1"; }
cp -r whole lost
for seed in 0 1 2 3 4 5; do lose lost/$run/seed_$seed/manifest.json diverged; done
expect 3 compare whole lost --strict
said out 'lost in NEW: two_step/vdn: seeds 0-5 diverged'
said err 'not compared, no score in NEW: two_step/vdn: seeds 0-5 diverged'
expect 0 compare whole lost
said err 'no score in NEW'
expect 0 compare lost whole --strict
said err 'no score in OLD: two_step/vdn: seeds 0-5 diverged'
make_suite partly --only 'two_step/*'
expect 3 compare whole partly --strict
said err 'matrix/climbing/qmix: seeds 0-5 missing'
said err 'no comparison over all tasks'
expect 0 compare partly whole --strict
said err 'no score in OLD: matrix/climbing/qmix: seeds 0-5 missing'
expect 2 compare whole/$run lost/$run --strict
said err 'two_step/vdn: seeds 0-5 diverged'

# --- exports for other programs
for format in rliable npz marl-eval; do
  expect 0 report whole --format $format --out whole.$format
  [ -s err ] && fail "$format of whole results: $(cat err)"
  [ -s out ] && fail "$format: --out and stdout"
  expect 1 report lost --format $format
  said err 'left out: two_step/vdn: seeds 0-5 diverged'
done
expect 1 report lost --format rliable
said err 'left out: vdn: no finished run on two_step'
expect 1 report lost --format marl-eval
said err 'left out: two_step/vdn: no finished run on two_step'
cp -r whole uneven
lose uneven/$run/seed_2/manifest.json failed
expect 1 report uneven --format rliable
said err 'left out: vdn: 1 of 11 runs, of seed 2, which not every task has'
expect 2 report whole/$run/seed_0 --format doc
make_suite factor --set run.absolute_factor=2 --only 'two_step/vdn/seed_0'
expect 0 report factor --format marl-eval
said err 'the absolute metric of 1 run is a mean'
python3 - out <<'P' || fail "the absolute metric has a wrong number of values"
import json, sys
run = json.load(open(sys.argv[1]))["two_step"]["two_step"]["vdn"]["seed_0"]
assert len(run["absolute_metrics"]["return"]) == 1, run["absolute_metrics"]
P
make_suite odd --t-max 100 --set evaluation.interval=30 --only 'two_step/vdn/seed_0'
expect 0 report odd --format marl-eval
said err 'the final evaluation of 1 run is no step'

# NumPy reads the arrays, or Python the archive, as the JSON has them.
expect 0 report whole --format rliable --out whole.json
cat >read.py <<'P'
import json, struct, zipfile
expected = json.load(open("whole.json"))
with zipfile.ZipFile("whole.npz") as archive:
    assert archive.testzip() is None
    assert json.loads(archive.comment) == {key: expected[key] for key in ("tasks", "seeds")}
    assert [name[:-4] for name in archive.namelist()] == list(expected["scores"])
    for name, rows in expected["scores"].items():
        data = archive.read(name + ".npy")
        start = 10 + struct.unpack("<H", data[8:10])[0]
        shape = eval(data[10:start].decode())["shape"]
        assert shape == (len(rows), len(rows[0])) == (6, 2), shape
        values = struct.unpack(f"<{shape[0] * shape[1]}d", data[start:])
        assert list(values) == [value for row in rows for value in row]
try:
    import numpy
    scores = dict(numpy.load("whole.npz"))
    assert list(scores) == list(expected["scores"])
    for name, rows in expected["scores"].items():
        assert scores[name].dtype == numpy.float64 and scores[name].tolist() == rows
    print("read by NumPy")
except ImportError:
    print("NumPy is not installed: read by hand")
P
if [ -x /usr/bin/python3 ]; then /usr/bin/python3 read.py; else python3 read.py; fi ||
  fail "whole.npz is not what whole.json says"

# --- report: --aggregate, and options without a meaning
expect 0 report whole --aggregate
said out '### All tasks'
silent out '### two_step'
expect 0 report whole --aggregate --format latex
said out '\label{tab:tiny:all}'
expect 2 report whole --aggregate --format html
expect 2 report whole --aggregate --format npz
expect 2 report whole --runs
expect 2 report whole --baseline vdn --format rliable
expect 0 report lost --aggregate --format csv
said err 'left out: vdn: no finished run on two_step'

# --- LaTeX: no warning of a box too wide for the page
if command -v pdflatex >/dev/null; then
  { printf '%s\n' '\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}'
    for folder in whole lost; do "$credo" report $folder --format latex | sed "s/tab:tiny/tab:$folder/"; done
    printf '%s\n' 'See \ref{tab:whole:overview}.\end{document}'; } >tables.tex
  pdflatex -interaction=nonstopmode -halt-on-error tables.tex >latex.log || fail "pdflatex: $(tail -5 latex.log)"
  pdflatex -interaction=nonstopmode -halt-on-error tables.tex >latex.log
  grep -E 'Overfull|multiply|undefined' latex.log && fail "LaTeX is not content"
fi

# --- an environment that this program does not have
mkdir mixed && cp -r whole/$run/seed_0 mixed/known && cp -r whole/$run/seed_1 mixed/foreign
sed -i 's|"two_step"|"my_game"|' mixed/foreign/config.toml mixed/foreign/manifest.json
sed -i "s|\"run_id\": \"[0-9a-f]*\"|\"run_id\": \"$(sha256sum <mixed/foreign/config.toml | cut -d' ' -f1)\"|" \
  mixed/foreign/manifest.json
rehash mixed/foreign config.toml
for format in md csv json latex html; do
  expect 0 report mixed --format $format
  said out my
  said err "this program does not have environment 'my_game'"
done

echo "$failures failures"
[ $failures -eq 0 ]
