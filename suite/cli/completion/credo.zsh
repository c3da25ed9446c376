#compdef credo
# Completion of credo for zsh. The program itself says what fits.
_credo() {
  local entry
  local -a entries keys
  for entry in "${(@f)$("$words[1]" complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
    case $entry in
      :files) _files ;;
      :folders) _files -/ ;;
      *=$'\t'*) keys+=("${${entry%%$'\t'*}//:/\\:}:${entry#*$'\t'}") ;;
      ?*) entries+=("${${entry%%$'\t'*}//:/\\:}:${entry#*$'\t'}") ;;
    esac
  done
  (( $#keys )) && _describe credo keys -S ''
  (( $#entries )) && _describe credo entries
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _credo "$@"
else
  compdef _credo credo
fi
