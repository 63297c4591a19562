import { createReadStream, statSync } from 'node:fs'
import type { Principal } from '../../base/principal.ts'
import type { Outcome, Status } from '../../kernel/outcome.ts'
import { predict } from '../../kernel/predict.ts'
import { exitCodeOf, exitCodes, worseOf } from '../exit-code.ts'
import { foreseenSeq } from '../foreseen-seq.ts'
import { requestLines } from '../request-lines.ts'
import { providersOfCli } from '../cli-providers.ts'
import { withKernel } from '../with-kernel.ts'
import type { World } from '../world.ts'
import { usage } from '../typed-request.ts'

export interface BatchOptions {
  /** A file, or `-` for stdin. */
  readonly source: string
  readonly principal: Principal
  readonly dryRun: boolean
  readonly fail: boolean
}

type Send = (line: string) => Promise<Outcome>

/**
 * Requests as JSON lines in, outcomes as JSON lines out: in order, one after the other, each written as soon as it is known,
 * while the source is still open. Lines are judged on the authority of `principal`: none can say who asks.
 */
export async function submitBatch(world: World, options: BatchOptions): Promise<number> {
  const lines = requestLines(openSource(world, options.source))
  const worst = options.dryRun
    ? await sendAll(world, lines, await foreseeing(world, options.principal))
    : await withKernel(world, (kernel) => {
        const handle = kernel.as(options.principal)
        return sendAll(world, lines, (line) => handle.submit(line))
      })
  return options.fail ? exitCodeOf(worst) : exitCodes.ok
}

function openSource({ stdin, terminal }: World, source: string): AsyncIterable<Uint8Array> {
  const { interrupted: signal } = terminal
  if (source !== '-') {
    if (statSync(source).isDirectory())
      throw usage(`\`${source}\` is a folder; \`--batch\` takes a file, or \`-\` for stdin`)
    return createReadStream(source)
  }
  signal.addEventListener('abort', () => stdin.destroy(), { once: true })
  return stdin
}

async function sendAll({ terminal }: World, lines: AsyncIterable<string>, send: Send): Promise<Status> {
  let worst: Status = 'ok'
  try {
    for await (const line of lines) {
      if (terminal.isClosed || terminal.interrupted.aborted) break
      const outcome = await send(line)
      worst = worseOf(worst, outcome.status)
      terminal.json(outcome)
      await terminal.drain()
    }
  } catch (error) {
    // A source that ends because a signal closed it is no failure: what was sent has been answered.
    if (!terminal.interrupted.aborted) throw error
  }
  return worst
}

async function foreseeing(world: World, principal: Principal): Promise<Send> {
  const { policy, dataDir, keysDir } = world.places
  const providers = providersOfCli(world.places)
  const options = { policy, dataDir, keysDir, providers, treeSize: await foreseenSeq(world) }
  return (line) => predict(options, principal, line)
}
