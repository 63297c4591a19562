import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import type { CompletionShell } from '../completion-shells.ts'
import { exitCodes } from '../exit-code.ts'
import type { World } from '../world.ts'

/** What can be typed after one command: its own commands and options. */
interface Node {
  /** As `policy check`; empty for `kestrel` itself. */
  readonly path: string
  readonly words: readonly { readonly word: string; readonly says: string }[]
}

/** Prints a script that completes commands, options and, for everything else, file names. */
export function completion({ terminal }: World, shell: CompletionShell, program: CommandUnknownOpts): number {
  const nodes = nodesOf(program, '', globalOptions(program))
  const script = writers[shell](nodes)
  if (terminal.isJson) terminal.json({ shell, script })
  else terminal.write(script)
  return exitCodes.ok
}

const writers: Readonly<Record<CompletionShell, (nodes: readonly Node[]) => string>> = { bash, zsh, fish }

function globalOptions(program: CommandUnknownOpts): Node['words'] {
  return [...optionsOf(program), { word: '--help', says: 'show help' }]
}

function optionsOf(command: CommandUnknownOpts): Node['words'] {
  return command.options.map(({ long, description }) => ({ word: long ?? '', says: description }))
}

function nodesOf(command: CommandUnknownOpts, path: string, globals: Node['words']): Node[] {
  const commands = command.createHelp().visibleCommands(command)
  const names = commands.map((each) => ({ word: each.name(), says: each.description() }))
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  const own = path === '' ? [] : optionsOf(command)
  const words = [...names, ...choices.map((word) => ({ word, says: '' })), ...own, ...globals]
  const below = commands.flatMap((each) => nodesOf(each, `${path} ${each.name()}`.trim(), globals))
  return [{ path, words }, ...below]
}

/**
 * Sets `at` to the command that stands on the line so far. For bash and zsh, which agree on this much; `path` and `words` mean
 * something else to zsh.
 */
function findCommand(nodes: readonly Node[]): string {
  const names = nodes.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`)
  return `  local at='' word
  for word in "\${typed[@]}"; do
    case "\${at:+$at }$word" in
      ${names.join('|')}) at="\${at:+$at }$word" ;;
    esac
  done`
}

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) => `    '${path}') offers='${words.map(({ word }) => word).join(' ')}' ;;`)
  return `# kestrel completion for bash: source it, or save it as ~/.local/share/bash-completion/completions/kestrel
_kestrel() {
  local current="\${COMP_WORDS[COMP_CWORD]}" offers=''
  local typed=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
${findCommand(nodes)}
  case "$at" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$offers" -- "$current"))
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _kestrel kestrel
`
}

function zsh(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) => {
    const described = words.map(({ word, says }) => quoted(says === '' ? word : `${word}:${says}`))
    return `    '${path}') offers=(${described.join(' ')}) ;;`
  })
  return `#compdef kestrel
# kestrel completion for zsh: save it as _kestrel in a folder of $fpath, or source it after compinit
_kestrel() {
  local -a offers typed
  typed=("\${(@)words[2,CURRENT-1]}")
${findCommand(nodes)}
  case "$at" in
${cases.join('\n')}
  esac
  _describe -t commands kestrel offers || _files
}
if [ "$funcstack[1]" = _kestrel ]; then _kestrel "$@"; else compdef _kestrel kestrel; fi
`
}

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words }) =>
    words.map(({ word, says }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${quoted(word)}`
      return `complete -c kestrel -n ${quoted(`__kestrel_at ${quoted(path)}`)} ${what} -d ${quoted(says)}`
    }),
  )
  const names = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path))
  return `# kestrel completion for fish: save it as ~/.config/fish/completions/kestrel.fish
function __kestrel_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l longer (string trim -- "$path $word")
    if contains -- "$longer" ${names.join(' ')}
      set path $longer
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`
}

/** In single quotes, as bash, zsh and fish all read them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
