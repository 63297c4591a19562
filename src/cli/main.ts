import { CommanderError } from '@commander-js/extra-typings'
import { visibleLines } from '../base/display.ts'
import { isKernelError, type ErrorCode } from '../base/errors.ts'
import { exitCodes } from './exit-code.ts'
import { failureOf, type Failure } from './failure.ts'
import { placesOf, type GlobalOptions } from './places.ts'
import { programOf } from './program.ts'
import { Terminal } from './terminal.ts'
import type { World } from './world.ts'

/** Carries out one command line and sets the exit code of the process. */
export async function main(args: readonly string[]): Promise<void> {
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort())
  const terminal = new Terminal(process, process.env, asksForJson(args), interruption.signal)
  const world = (options: GlobalOptions): World => ({
    places: placesOf(options, process.env),
    isDefault: {
      dataDir: options.dataDir === undefined && !process.env['KESTREL_DATA_DIR'],
      policy: options.policy === undefined && !process.env['KESTREL_POLICY'],
    },
    terminal,
    environment: process.env,
    stdin: process.stdin,
  })
  process.exitCode = await carryOut(args, world, terminal)
  await terminal.drain()
}

async function carryOut(
  args: readonly string[],
  world: (options: GlobalOptions) => World,
  terminal: Terminal,
): Promise<number> {
  let exitCode: number = exitCodes.ok
  try {
    const program = programOf(terminal, async (options, run) => {
      exitCode = await run(world(options))
    })
    await program.parseAsync(args, { from: 'user' })
    return terminal.interrupted.aborted && exitCode === exitCodes.ok ? exitCodes.interrupted : exitCode
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, terminal)
    // The signal closed the kernel before it was asked: that is what was wanted.
    if (terminal.interrupted.aborted && isKernelError(error, 'KERNEL_CLOSED')) return exitCodes.interrupted
    const failure = failureOf(error)
    tell(failure, terminal)
    return failure.exitCode
  }
}

/** Commander throws for `--help` and for what it cannot parse; the first is what was asked for. */
function endOfParsing(error: CommanderError, terminal: Terminal): number {
  if (error.exitCode === 0) return exitCodes.ok
  if (error.code === 'commander.help') {
    if (terminal.isJson) tell(usageFailure('name a command; `kestrel --help` lists them'), terminal)
    return exitCodes.usage
  }
  const message = error.message.replace(/^error: /, '').replaceAll("'", '`')
  tell(usageFailure(`${visibleLines(message).join(' ')}; see \`kestrel --help\``), terminal)
  return exitCodes.usage
}

function usageFailure(message: string): Failure {
  return { code: 'USAGE_INVALID' satisfies ErrorCode, message, exitCode: exitCodes.usage }
}

function tell(failure: Failure, terminal: Terminal): void {
  if (failure.stack !== undefined) terminal.note(failure.stack)
  if (terminal.isJson) terminal.json({ error: { code: failure.code, message: failure.message } })
  else terminal.note(`kestrel: ${failure.message}`)
}

/** Known before the command line is parsed, because a mistake in it must be told in JSON too. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).includes('--json')
}
