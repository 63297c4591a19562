import { systemClock } from '../../base/clock.ts'
import { rebuild as rebuildState } from '../../kernel/rebuild.ts'
import { providersOfCli } from '../cli-providers.ts'
import { exitCodes } from '../exit-code.ts'
import { rebuildLines } from '../render/rebuilt.ts'
import type { World } from '../world.ts'

/** Remakes the state index from log and vault. */
export async function rebuild({ places, terminal }: World): Promise<number> {
  const { dataDir, keysDir } = places
  const rebuilt = await rebuildState({ dataDir, keysDir, clock: systemClock, providers: providersOfCli() })
  if (terminal.isJson) terminal.json(rebuilt)
  else terminal.say(...rebuildLines(rebuilt, terminal.paint))
  return exitCodes.ok
}
