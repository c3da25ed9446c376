#!/bin/bash
# The conveniences of the command line: help, version, lists, suggestions, numbers, show-config,
# completion as bash, zsh and fish ask for it, and the manual page.
# usage: command_line.sh CREDO
set -u
credo=$(realpath "$1")
completion=$(realpath "$(dirname "$0")/../../suite/cli/completion")
# shellcheck source=tests/cli/scratch.sh
. "$(dirname "$0")/scratch.sh"
mkdir bin && ln -s "$credo" bin/credo
export PATH=$PWD/bin:$PATH

# same WHAT EXPECTED GOT
same() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }
# says WORDS ARGUMENTS...: the one line on stderr has the words, the exit code is 2.
says() {
  local words=$1 line
  shift
  line=$(credo "$@" 2>&1 >/dev/null)
  [ $? -eq 2 ] || fail "$*: not refused"
  [[ $line == *"$words"* ]] || fail "$*: '$words' is not in '$line'"
}

# ---- help and version
for command in $(credo help | sed -n 's/^  \([a-z-]\+\) .*/\1/p'); do
  same "help $command" "$(credo "$command" --help)" "$(credo help "$command")"
  grep -q "^usage: credo $command" <(credo help "$command") || fail "help $command: no usage"
done
same "help" "$(credo --help)" "$(credo help)"
same "-h" "$(credo --help)" "$(credo -h)"
same "-V" "$(credo --version)" "$(credo -V)"
says "did you mean 'run'?" help rnu
says "one command" help run eval

# ---- lists begin with a header
for list in envs algs profiles suites; do
  credo list $list | head -1 | grep -qE '^(id|name) .* description$' || fail "list $list: no header"
done
same "list" "$(credo list envs)" "$(credo list)"

# ---- suggestions: by last component, beginning and case
run=(run --env two_step --alg qmix --out x)
says "'optimizer.lr'" "${run[@]}" --set lr=0.1
says "did you mean 'optimizer.lr'?" "${run[@]}" --set learner.lr=0.1
says "did you mean 'mixer.embed_dim'?" "${run[@]}" --set mixer.embed=8
says "did you mean 'qmix'?" run --env two_step --alg QMIX --out x
says "did you mean 'skirmish/3m'?" run --env 3m --alg qmix --out x
says "did you mean 'env.limit'?" "${run[@]}" --set limit=3
says "env.data_dir=FOLDER and env.map=mine" run --env skirmish/3m --alg vdn --set env.map=./mine.toml --out x
says "env.data_dir=FOLDER and env.map=mine" run --env skirmish/3m --alg vdn --set env.map=mine.toml --out x

# ---- numbers
small=(--env two_step --alg vdn)
same "1e3" "$(credo show-config "${small[@]}" --t-max 1000)" "$(credo show-config "${small[@]}" --t-max 1e3)"
same "--set 1e3" "$(credo show-config "${small[@]}" --t-max 1000)" \
  "$(credo show-config "${small[@]}" --set run.t_max=1e3)"
echo 'run.t_max = 1e3' >exponent.toml
same "TOML 1e3" "$(credo show-config "${small[@]}" --t-max 1000)" \
  "$(credo show-config "${small[@]}" --config exponent.toml)"
says "--t-max = '1.5e0': not an integer" show-config "${small[@]}" --t-max 1.5e0
says "--t-max = '1e30': not an integer" show-config "${small[@]}" --t-max 1e30

# ---- show-config: what config.toml holds, then every other setting
credo run "${small[@]}" --t-max 50 --set evaluation.episodes=2 --quiet --out done >/dev/null || fail run
credo show-config "${small[@]}" --t-max 50 --set evaluation.episodes=2 >shown
head -n "$(wc -l <done/config.toml)" shown | cmp -s - done/config.toml || fail "show-config: not config.toml"
credo show-config --config shown | cmp -s - shown || fail "show-config does not read back"
sections() { awk '/^\[/ { gsub(/[][]/, ""); section = $0; next } /^[a-z]/ { print section "." $1 }
                  /^# [a-z_]+\./ { print $2 }' "$1" | sort; }
for alg in vdn qmix_gre coma open_loop random; do
  credo show-config --env two_step --alg $alg >shown
  sections shown | grep -v '^env\.' >keys.$alg
  cmp -s keys.vdn keys.$alg || fail "show-config of $alg has other keys: $(diff keys.vdn keys.$alg)"
  [ -z "$(uniq -d keys.$alg)" ] || fail "show-config of $alg shows twice: $(uniq -d keys.$alg)"
done
grep -qx 'run.tensorboard' keys.vdn || fail "show-config: no run.tensorboard"
# The manual page lists the same settings.
credo man | sed -n '/^\.SH SETTINGS/,/^\.SH EXIT/s/^\.B \([a-z_]*\.[a-z_0-9]*\)$/\1/p' | sort >settings
grep -vxE 'run\.(env|algorithm|seed|profile)' keys.vdn | cmp -s - settings ||
  fail "settings of show-config and the manual differ: $(diff settings keys.vdn)"

# ---- completion
for shell in bash zsh fish; do
  cmp -s "$completion/credo.$shell" <(credo completion $shell) || fail "completion $shell"
done
says "did you mean 'bash'?" completion bahs
mkdir -p runs/first && touch runs/weights.safetensors
# in_bash LINE: what bash would offer, one a line.
in_bash() {
  bash --norc -c '
    . "$1/credo.bash"
    compopt() { :; }
    COMP_LINE=$2 COMP_POINT=${#2}
    _credo credo
    printf "%s\n" "${COMPREPLY[@]}"' - "$completion" "$1"
}
bash -n "$completion/credo.bash" || fail "bash -n"
same "bash: command" "resume
report
replay" "$(in_bash 'credo re')"
same "bash: option" "--profile
--progress" "$(in_bash 'credo run --pro')"
same "bash: environment" "two_step" "$(in_bash 'credo run --env two_s')"
same "bash: after =" "two_step" "$(in_bash 'credo run --env=two_s')"
same "bash: after :" "kite" "$(in_bash 'credo eval --env skirmish/3m --policy scripted:k')"
same "bash: key" "optimizer.lr=" "$(in_bash 'credo run --set optimizer.lr')"
same "bash: value of a key" "rmsprop" "$(in_bash 'credo run --set optimizer.type=rm')"
same "bash: folder" "runs/first" "$(in_bash 'credo resume runs/f')"
same "bash: file" "runs/weights.safetensors" "$(in_bash 'credo eval --weights runs/w')"
same "bash: nothing" "" "$(in_bash 'credo nonsense ')"
# As bash itself calls it.
same "bash: registered" "complete -F _credo credo" "$(bash --norc -c '. "$1/credo.bash"; complete -p credo' - "$completion")"

if command -v fish >/dev/null; then
  export HOME=$PWD
  in_fish() { fish --no-config -c "source '$completion/credo.fish'; complete -C '$1'" | cut -f1; }
  fish --no-execute "$completion/credo.fish" || fail "fish --no-execute"
  same "fish: command" "replay
report
resume" "$(in_fish 'credo re' | sort)"
  same "fish: key" "optimizer.lr=" "$(in_fish 'credo run --set optimizer.lr')"
  same "fish: folder" "runs/first/" "$(in_fish 'credo resume runs/f')"
  same "fish: help" "random seed (default 0)" \
    "$(fish --no-config -c "source '$completion/credo.fish'; complete -C 'credo run --see'" | cut -f2)"
fi
if command -v zsh >/dev/null; then
  zsh -n "$completion/credo.zsh" || fail "zsh -n"
  # The widgets' functions print what they were asked to offer.
  in_zsh() {
    zsh -f -c '
      compdef() { :; }
      _describe() { local name=$2; print -rl -- ${(P)name} }
      _files() { print -l -- files $@ }
      source $1
      words=(${=2}) PREFIX=$3
      words+=("$PREFIX")
      CURRENT=$#words
      _credo' - "$completion/credo.zsh" "$1" "$2"
  }
  same "zsh: command" "resume:continue an interrupted run, or extend a finished one" \
    "$(in_zsh credo resu)"
  same "zsh: environment" "two_step:" "$(in_zsh 'credo run --env' two_s)"
  same "zsh: colon" "scripted\\:kite" \
    "$(in_zsh 'credo eval --env skirmish/3m --policy' scripted:k | sed 's/\([^\\]\):.*/\1/')"
  same "zsh: folder" "files
-/" "$(in_zsh 'credo resume' runs/)"
fi

# ---- manual page
credo man >credo.1
! groff -man -Tutf8 -ww -z credo.1 2>&1 | grep . || fail "groff warns"
groff -man -Tutf8 -P-cbou credo.1 >page
for text in "credo run --env ENV" "--max-parallel N" "learner.gamma" "EXIT STATUS"; do
  grep -qF -e "$text" page || fail "the manual lacks $text"
done
if command -v mandoc >/dev/null; then
  ! mandoc -T lint -W warning credo.1 | grep -vE 'missing date|legacy man' | grep . || fail "mandoc warns"
fi

echo "$failures failures"
[ $failures -eq 0 ]
