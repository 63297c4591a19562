import { Argument, Command, Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { completionShells } from './completion-shells.ts'
import { paramOption } from './param-option.ts'
import type { GlobalOptions } from './places.ts'
import { policyCommand } from './program-policy.ts'
import type { Act, Run } from './act.ts'
import { witnessOption } from './commands/witness-options.ts'
import { witnessCommand } from './commands/witness-program.ts'
import type { Terminal } from './terminal.ts'
import { hideUnbuilt } from './unbuilt.ts'

const statuses = ['ok', 'denied', 'invalid', 'held', 'failed', 'unknown'] as const

/**
 * The command line as a tree: names, options and help. What a command does is loaded when it is asked for, which keeps the
 * start short.
 *
 * @throws CommanderError while parsing, also for `--help`
 */
export function programOf(
  terminal: Terminal,
  execute: (options: GlobalOptions, run: Run) => Promise<void>,
): CommandUnknownOpts {
  const program = new Command('kestrel')
    .description('The security kernel for AI agents: one gate, one policy, and a log that anyone can verify.')
    .option('--json', 'print JSON, and nothing else, to stdout')
    .option('--data-dir <dir>', 'data directory (default `.kestrel`, env KESTREL_DATA_DIR)')
    .option('--policy <file>', 'policy file (default `policy.yaml`, env KESTREL_POLICY)')
    .option('--keys-dir <dir>', 'where keys live (env KESTREL_KEYS_DIR; default in your configuration folder)')
  // Errors are told by `main`, the same way as all others; only the help that a missing command calls for is written here.
  program
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => terminal.paint.strong(title) })
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => (terminal.isJson ? undefined : terminal.note(text.trimEnd())),
      outputError: () => undefined,
      getOutHasColors: () => true,
    })
    .helpCommand(false)
  const act: Act = (run) => execute(program.opts(), run)
  const add = (group: string, commands: readonly CommandUnknownOpts[]): void => {
    for (const command of commands) program.addCommand(command.helpGroup(group))
  }
  add('Ask', [initCommand(act), submitCommand(act), undoCommand(act)])
  add('Look', [logCommand(act), explainCommand(act)])
  add('Prove', [verifyCommand(act), receiptCommand(act), keyCommand(act), witnessCommand(act)])
  add('Decide', [policyCommand(act), resolveCommand(act)])
  add('Keep house', [doctorCommand(act), rebuildCommand(act), versionCommand(act), completionCommand(act, program)])
  inheritSettings(program)
  hideUnbuilt(program)
  return program
}

/** Commands that were made apart do not know how their program tells errors and help. */
function inheritSettings(parent: CommandUnknownOpts): void {
  for (const command of parent.commands) inheritSettings(command.copyInheritedSettings(parent))
}

function initCommand(act: Act): CommandUnknownOpts {
  return new Command('init')
    .description('make a starter policy, a data directory and its keys; overwrites nothing')
    .argument('[dir]', 'where to make them', '.')
    .action((directory) => act(async (world) => (await import('./commands/init.ts')).init(world, directory)))
}

function submitCommand(act: Act): CommandUnknownOpts {
  return new Command('submit')
    .description('send one request through the gate, or a batch of them')
    .argument('[action]', 'what to do, as `fs.read`')
    .argument('[resource]', 'what to do it to, as `/workspace/data.csv`')
    .addOption(paramOption())
    .option('--params <json>', 'all params as one JSON object')
    .option('--as <id[:role,role]>', 'on whose authority (default `local`, without roles)')
    .option('--key <key>', 'idempotency key: a retry with the same key gets the same answer')
    .option('--dry-run', 'say how it would end; changes and writes nothing')
    .option('--batch <file>', 'requests as JSON lines, `-` for stdin; outcomes as JSON lines')
    .option('--fail', 'exit by the worst outcome of the batch')
    .action((action, resource, options) =>
      act(async (world) => (await import('./commands/submit.ts')).submit(world, { action, resource, ...options })),
    )
}

function undoCommand(act: Act): CommandUnknownOpts {
  return new Command('undo')
    .description('put back what entries changed, as actions through the gate; an undo can be undone')
    .argument('<seq...>', 'numbers of the entries, newest first')
    .option('--force', 'also where others have changed it since; what they changed is kept in a before-image')
    .option('--as <id[:role,role]>', 'on whose authority (default `local`, without roles)')
    .action((seqs, options) => act(async (world) => (await import('./commands/undo.ts')).undo(world, seqs, options)))
}

function logCommand(act: Act): CommandUnknownOpts {
  return new Command('log')
    .description('entries of the log, oldest first')
    .addOption(new Option('--status <status>', 'only those that ended so').choices(statuses))
    .option('--action <glob>', 'only actions that match, as `fs.*`')
    .option('--agent <id>', 'only those of this agent or principal')
    .option('--from <seq>', 'start at this entry')
    .option('--since <time>', 'only later ones: `2026-01-31T12:00:00Z`, or `90s`, `15m`, `2h`, `7d` ago')
    .option('--limit <n>', 'at most so many')
    .option('--follow', 'wait for more')
    .action((options) => act(async (world) => (await import('./commands/log.ts')).log(world, options)))
}

function explainCommand(act: Act): CommandUnknownOpts {
  return new Command('explain')
    .description('one entry in words: who, what, which rule, what it changed')
    .argument('<seq>', 'number of the entry')
    .action((seq) => act(async (world) => (await import('./commands/explain.ts')).explain(world, seq)))
}

function verifyCommand(act: Act): CommandUnknownOpts {
  return new Command('verify')
    .description('verify a whole log, or a receipt, from its files alone')
    .argument('[dir]', 'ledger folder, also a copy (default: the one of the data directory)')
    .option('--vkey <key|file>', 'the verifier key, or a file that holds it')
    .option('--since <checkpoint>', 'also prove that the log extends this older checkpoint (a file)')
    .addOption(witnessOption('a witness that must have cosigned: its key, or a file that holds it; repeatable'))
    .option('--receipt <file>', 'verify this receipt instead; needs --vkey')
    .option('--no-memory', 'neither compare with the last head verified here nor remember this one')
    .option('--heads-dir <dir>', 'where verified heads are remembered (env KESTREL_HEADS_DIR)')
    .action((directory, options) =>
      act(async (world) => (await import('./commands/verify.ts')).verify(world, { directory, ...options })),
    )
}

function receiptCommand(act: Act): CommandUnknownOpts {
  return new Command('receipt')
    .description('an offline receipt of one entry')
    .argument('<seq>', 'number of the entry')
    .option('--out <file>', 'write it to a file')
    .action((seq, { out }) => act(async (world) => (await import('./commands/receipt.ts')).receipt(world, seq, out)))
}

function keyCommand(act: Act): CommandUnknownOpts {
  return new Command('key')
    .description('the public verifier key of this log')
    .action(() => act(async (world) => (await import('./commands/key.ts')).key(world)))
}

function resolveCommand(act: Act): CommandUnknownOpts {
  return new Command('resolve')
    .description('settle an entry that ended `unknown`: say whether it took effect, and how you know')
    .argument('<seq>', 'number of the entry')
    .option('--as-done', 'it took effect')
    .option('--as-not-done', 'it did not')
    .option('--reason <text>', 'how you know; sealed in the vault, and the log commits to it')
    .option('--as <id[:role,role]>', 'who says so (default `local`)')
    .action((seq, options) =>
      act(async (world) => (await import('./commands/resolve.ts')).resolve(world, seq, options)),
    )
}

function rebuildCommand(act: Act): CommandUnknownOpts {
  return new Command('rebuild')
    .description('remake the state index from the log and the vault')
    .action(() => act(async (world) => (await import('./commands/rebuild.ts')).rebuild(world)))
}

function doctorCommand(act: Act): CommandUnknownOpts {
  return new Command('doctor')
    .description('check this installation, the data directory, its keys and the policy')
    .action(() => act(async (world) => (await import('./commands/doctor.ts')).doctor(world)))
}

function versionCommand(act: Act): CommandUnknownOpts {
  return new Command('version')
    .description('versions of Kestrel and of the Node that runs it')
    .action(() => act(async (world) => (await import('./commands/version.ts')).version(world)))
}

function completionCommand(act: Act, program: CommandUnknownOpts): CommandUnknownOpts {
  return new Command('completion')
    .description('a completion script for your shell')
    .addArgument(new Argument('<shell>', 'which one').choices(completionShells))
    .action((shell) =>
      act(async (world) => (await import('./commands/completion.ts')).completion(world, shell, program)),
    )
}
