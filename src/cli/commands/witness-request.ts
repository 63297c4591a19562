import { join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { visible } from '../../base/display.ts'
import { nodePrimitives } from '../../base/hash.ts'
import { limits } from '../../base/limits.ts'
import {
  checkVkey,
  logFiles,
  openCheckpoint,
  openLog,
  parseVkey,
  type VerifierKey,
} from '../../evidence/ledger/index.ts'
import { readSignedHead, type SignedHead } from '../../evidence/receipt/index.ts'
import { addLine, askWitness, readWitnessKey, type Added, type AskedLine } from '../../evidence/witness/index.ts'
import { exitCodes } from '../exit-code.ts'
import { failureOf } from '../failure.ts'
import { readTextFile } from '../given-files.ts'
import { recoverIfNeeded } from '../recover-if-needed.ts'
import { secondsText } from '../render/witnessed.ts'
import type { World } from '../world.ts'
import { readGivenWitness } from './witness-key.ts'
import { postTo, submissionUrl } from './witness-post.ts'

/** How often a checkpoint that was replaced meanwhile is followed by the next one. */
const rounds = 3

/** Sends this log's checkpoint to a witness and adds the answer to it. */
export async function witnessRequest(world: World, urlText: string, keyOrFile: string | undefined): Promise<number> {
  const url = submissionUrl(urlText)
  const witness =
    keyOrFile === undefined ? undefined : await readWitnessKey(readGivenWitness(keyOrFile), nodePrimitives)
  await recoverIfNeeded(world)
  try {
    return await request(world, url, witness)
  } catch (error) {
    // everything else has an exit code of its own
    if (!isKernelError(error, 'WITNESS_UNAVAILABLE')) throw error
    const { code, message } = failureOf(error)
    if (world.terminal.isJson) world.terminal.json({ error: { code, message } })
    else world.terminal.note(`kestrel: ${message}`)
    return exitCodes.failed
  }
}

async function request(world: World, url: URL, witness: VerifierKey | undefined): Promise<number> {
  const { ledger } = world.places
  const post = postTo(url, world.terminal.interrupted)
  for (let round = 0; round < rounds; round++) {
    const signed = await ownHead(ledger)
    const log = { files: logFiles(ledger), signed, primitives: nodePrimitives }
    const asked = await askWitness(log, witness, post).catch((error: unknown) => {
      // the tiles of a checkpoint that was replaced meanwhile may be gone
      if (isKernelError(error, 'LEDGER_CORRUPT')) return error
      throw error
    })
    const added = asked instanceof Error ? 'outdated' : await addLine(ledger, signed, asked, systemClock)
    if (added !== 'outdated') return tell(world, signed, asked as AskedLine, added, witness !== undefined)
    if (asked instanceof Error && Buffer.from((await ownHead(ledger)).bytes).equals(signed.bytes)) throw asked
  }
  const why = `the log has published a newer checkpoint ${rounds} times before the answer could be added; try again`
  throw new KernelError('WITNESS_UNAVAILABLE', why)
}

/** @throws KernelError LEDGER_NOT_FOUND, NOTE_INVALID for a checkpoint that the log's own key did not sign */
async function ownHead(ledger: string): Promise<SignedHead> {
  const { vkey } = await openLog(ledger)
  const key = parseVkey(vkey)
  await checkVkey(key, nodePrimitives)
  const bytes = readTextFile(join(ledger, 'checkpoint'), limits.noteBytes)
  await openCheckpoint(bytes, key, nodePrimitives)
  return readSignedHead(bytes)
}

function tell(
  { terminal }: World,
  { checkpoint }: SignedHead,
  { line, key, timestamp }: AskedLine,
  added: Added,
  isChecked: boolean,
): number {
  const { origin, size } = checkpoint
  if (terminal.isJson) {
    terminal.json({
      ok: true,
      origin,
      size,
      witness: key.name,
      timestamp,
      checked: isChecked,
      added,
      cosignature: line,
    })
    return exitCodes.ok
  }
  const what = added === 'added' ? 'added to the checkpoint' : 'the checkpoint has its cosignature already, and is kept'
  terminal.say(`${visible(key.name)} cosigned ${size} entries at ${secondsText(timestamp)}; ${what}`)
  if (!isChecked)
    terminal.note('kestrel: the cosignature was not checked; give the key of the witness with `--witness`')
  return exitCodes.ok
}
