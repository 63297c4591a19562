import { systemClock } from '../../base/clock.ts'
import { resolveUnknown, type Resolved } from '../../kernel/resolve.ts'
import { withRooms } from '../../kernel/upkeep.ts'
import { providersOfCli } from '../cli-providers.ts'
import { exitCodes } from '../exit-code.ts'
import { readCount } from '../log-filter.ts'
import { readAs, usage } from '../typed-request.ts'
import type { World } from '../world.ts'

export interface ResolveOptions {
  readonly asDone?: true | undefined
  readonly asNotDone?: true | undefined
  readonly reason?: string | undefined
  readonly as?: string | undefined
}

/** A person settles an entry that ended `unknown`. */
export async function resolve(world: World, seqText: string, options: ResolveOptions): Promise<number> {
  const { terminal, places } = world
  const seq = readCount(seqText, 'the number of the entry')
  const { asDone, asNotDone, reason } = options
  if ((asDone === true) === (asNotDone === true))
    throw usage('say `--as-done` or `--as-not-done`, and one of them only')
  if (reason === undefined) throw usage('say with `--reason TEXT` how you know')
  const principal = readAs(options.as)
  const as = asDone === true ? 'done' : 'not_done'
  const { dataDir, keysDir } = places
  const upkeep = { dataDir, keysDir, clock: systemClock, providers: providersOfCli() }
  const resolved = await withRooms(upkeep, (rooms) => resolveUnknown(rooms, seq, { as, reason, principal }))
  if (terminal.isJson) terminal.json(resolved)
  else terminal.say(`${terminal.paint.good('resolved')}  ${told(resolved)}`)
  return exitCodes.ok
}

function told({ seq, of, as }: Resolved): string {
  const effect = as === 'done' ? 'took effect' : 'did not take effect'
  return `entry ${of} ${effect}, says entry ${seq}; a retry under its idempotency key still gets the first answer`
}
