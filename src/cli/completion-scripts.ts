/** Each shell asks `medianest __complete WORDS...`: candidates, one a line, their meaning behind a tab. */

const bash = `# medianest completion for bash: eval "$(medianest completion bash)" in ~/.bashrc,
# or medianest completion bash > ~/.local/share/bash-completion/completions/medianest
_medianest() {
  local value rest
  COMPREPLY=()
  while IFS=$'\\t' read -r value rest; do
    if [ "$value" = :files ]; then
      compopt -o default 2>/dev/null
    else
      case $value in *=) compopt -o nospace 2>/dev/null ;; esac
      COMPREPLY+=("$value")
    fi
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _medianest medianest`;

const zsh = `#compdef medianest
# medianest completion for zsh: eval "$(medianest completion zsh)" behind compinit in ~/.zshrc,
# or medianest completion zsh > "\${fpath[1]}/_medianest"
_medianest() {
  local -a candidates
  local line value
  local -i files=0
  while IFS= read -r line; do
    value=\${line%%$'\\t'*}
    if [[ $value == :files ]]; then
      files=1
    elif [[ $line == *$'\\t'* ]]; then
      candidates+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
    else
      candidates+=("\${value//:/\\\\:}")
    fi
  done < <("\${words[1]/#\\~/$HOME}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe -V medianest candidates
  (( files )) && _files
}
if [ "\${funcstack[1]}" = _medianest ]; then _medianest "$@"; else compdef _medianest medianest; fi`;

const fish = `# medianest completion for fish: medianest completion fish > ~/.config/fish/completions/medianest.fish
function __medianest_complete
  set -l words (commandline --tokenize --cut-at-cursor --current-process)
  set -l current (commandline --current-token --cut-at-cursor)
  for line in ($words[1] __complete $words[2..] "$current" 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete --command medianest --no-files --arguments '(__medianest_complete)'`;

export const SHELLS = { bash, zsh, fish };
