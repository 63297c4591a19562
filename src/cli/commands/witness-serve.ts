import { once } from 'node:events'
import { visible } from '../../base/display.ts'
import { exitCodes } from '../exit-code.ts'
import { failureOf } from '../failure.ts'
import type { World } from '../world.ts'
import { openWitness, type WitnessOptions } from './witness-memory.ts'
import { listen, witnessServer } from './witness-server.ts'

/** Answers logs until a signal ends it; requests under way are answered first. */
export async function witnessServe(
  world: World,
  options: WitnessOptions & { readonly listen: string },
): Promise<number> {
  const { terminal } = world
  const witness = await openWitness(options)
  const server = witnessServer(witness, (error) => terminal.note(`kestrel: ${failureOf(error).message}`))
  try {
    const url = await listen(server, options.listen)
    const origins = [...witness.logs.keys()]
    if (terminal.isJson) terminal.json({ url, vkey: witness.signer.vkey, logs: origins })
    else
      terminal.say(`${visible(witness.signer.vkey)} answers on ${url}`, ...origins.map((each) => `  ${visible(each)}`))
    terminal.flush()
    if (!terminal.interrupted.aborted) await once(terminal.interrupted, 'abort')
    server.close()
    server.closeIdleConnections()
    await once(server, 'close')
    return exitCodes.ok
  } finally {
    server.closeAllConnections()
    witness.close()
  }
}
