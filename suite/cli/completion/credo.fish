# Completion of credo for fish. The program itself says what fits.
function __credo_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for entry in ($words[1] complete -- $words[2..] "$typed" 2>/dev/null)
        switch $entry
            case ':files'
                __fish_complete_path "$typed"
            case ':folders'
                __fish_complete_directories "$typed" ''
            case '*'
                echo $entry
        end
    end
end
complete -c credo -f -a '(__credo_complete)'
