# Completion of credo for bash. The program itself says what fits.
_credo() {
  local line=${COMP_LINE:0:COMP_POINT} word
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local typed=${words[-1]}
  # readline replaces only what follows the last of its word breaks.
  local breaks=${COMP_WORDBREAKS//[^=:]/} kept=""
  [[ -n $breaks ]] && kept=${typed%"${typed##*["$breaks"]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    case $word in
      :files)
        compopt -o filenames
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "${typed##*=}")
        ;;
      :folders)
        compopt -o filenames
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "${typed##*=}")
        ;;
      ?*) COMPREPLY+=("${word#"$kept"}") ;;
    esac
  done < <("$1" complete -- "${words[@]:1}" 2>/dev/null)
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
  return 0
}
complete -F _credo credo
