import { openLog } from '../../evidence/ledger/index.ts'
import { exitCodes } from '../exit-code.ts'
import type { World } from '../world.ts'

/** Prints the verifier key of a data directory's log. Needs no secret key. */
export async function key({ places, terminal }: World): Promise<number> {
  const { vkey, origin } = await openLog(places.ledger)
  if (terminal.isJson) terminal.json({ vkey, origin })
  else terminal.say(vkey)
  return exitCodes.ok
}
