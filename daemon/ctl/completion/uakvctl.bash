# Completion of uakvctl for bash; installed as share/bash-completion/completions/uakvctl, or source it.

# The names of the spaces, as the daemon of this command line has them; none where no daemon answers.
_uakvctl_spaces() {
    local where=() i
    for ((i = 1; i + 1 < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --socket | --tenant) where+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
        esac
    done
    "${COMP_WORDS[0]}" "${where[@]}" --timeout 1s ls 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_uakvctl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" i
    local commands="ping status stats top ls why put get rm clear pin unpin disk verify warm persist load advise help"
    local -A own=(
        [stats]="--watch --count" [top]="--interval --count" [ls]="--space --limit" [why]="--space"
        [put]="--space --ttl --parent" [get]="--space --force" [rm]="--space" [clear]="--space"
        [pin]="--space --ttl" [unpin]="--space" [persist]="--space" [load]="--space" [advise]="--for"
    )
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --socket | --tenant | --timeout | --space | --ttl | --parent | --interval | --count | --limit | --for) ((i++)) ;;
        -*) ;;
        *) command=${command:-${COMP_WORDS[i]}} ;;
        esac
    done
    case $previous in
    --for) mapfile -t COMPREPLY < <(compgen -W "development production latency throughput memory hit_rate" -- "$current") ;;
    --space) mapfile -t COMPREPLY < <(compgen -W "$(_uakvctl_spaces)" -- "$current") ;;
    --tenant | --timeout | --ttl | --parent | --interval | --count | --limit) ;;
    --socket) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *)
        if [[ $current == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "--socket --tenant --json --timeout --help --version \
                ${own[${command:-help}]}" -- "$current")
        elif [[ -z $command || $command == help ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
        elif [[ $command == put || $command == get ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
        elif [[ $command == warm ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(_uakvctl_spaces)" -- "$current")
        elif [[ $command == persist || $command == load ]]; then
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
        fi
        ;;
    esac
}

complete -F _uakvctl uakvctl
