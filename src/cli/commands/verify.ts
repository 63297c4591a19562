import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { nodePrimitives } from '../../base/hash.ts'
import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { logFiles } from '../../evidence/ledger/index.ts'
import { verifyLog, type Verification } from '../../evidence/receipt/index.ts'
import { exitCodes } from '../exit-code.ts'
import { readTextFile, readVkey } from '../given-files.ts'
import { memoryNotes, verificationLines, type VerifiedPlace } from '../render/verification.ts'
import { usage } from '../typed-request.ts'
import type { World } from '../world.ts'
import { headsRoot, VerifyMemory, type MemoryReport } from './verify-memory.ts'
import { verifyGivenReceipt } from './verify-receipt.ts'
import { readGivenWitness } from './witness-key.ts'

export interface VerifyOptions {
  readonly directory?: string | undefined
  readonly vkey?: string | undefined
  readonly since?: string | undefined
  readonly receipt?: string | undefined
  readonly witness?: readonly string[] | undefined
  /** False for `--no-memory`. */
  readonly memory?: boolean | undefined
  readonly headsDir?: string | undefined
}

/** Verifies a log, or with `--receipt` one entry of it, from files alone. */
export async function verify(world: World, options: VerifyOptions): Promise<number> {
  const { directory, vkey, since, receipt } = options
  const witnesses = (options.witness ?? []).map(readGivenWitness)
  if (receipt !== undefined) {
    if (directory !== undefined || since !== undefined) throw usage('`--receipt` takes neither a folder nor `--since`')
    if (vkey === undefined) throw usage('`--receipt` needs `--vkey`: a receipt cannot say itself which log to believe')
    return verifyGivenReceipt(world, receipt, { vkey: readVkey(vkey), witnesses })
  }
  const folder = ledgerFolder(world, directory)
  const earlier = since === undefined ? undefined : readTextFile(since, limits.noteBytes)
  const memory = options.memory === false ? undefined : new VerifyMemory(headsRoot(options.headsDir, world.environment))
  const verification = await verifyLog(logFiles(folder), {
    primitives: nodePrimitives,
    witnesses,
    ...(vkey !== undefined && { vkey: readVkey(vkey) }),
    ...(earlier !== undefined && { since: earlier }),
    ...(memory !== undefined && { memory }),
    onProgress: progressOn(world),
  }).finally(() => world.terminal.progress(''))
  tell(world, verification, { folder, keyFrom: vkey === undefined ? 'folder' : 'given' }, memory?.report(verification))
  return verification.ok ? exitCodes.ok : exitCodes.unverified
}

function tell(
  { terminal }: World,
  verification: Verification,
  place: VerifiedPlace,
  memory: MemoryReport | undefined,
): void {
  const unwitnessed = verification.witnessed.length === 0
  const { keyFrom } = place
  if (terminal.isJson) terminal.json({ ...verification, unwitnessed, keyFrom, ...(memory && { memory }) })
  else terminal.say(...verificationLines(verification, place, terminal.paint))
  for (const note of memory === undefined ? [] : memoryNotes(verification, memory)) terminal.note(`kestrel: ${note}`)
}

/** A ledger folder as named, or the one in a data directory that was named. @throws KernelError LEDGER_NOT_FOUND */
function ledgerFolder({ places }: World, directory: string | undefined): string {
  const folder = directory === undefined ? places.ledger : resolve(directory)
  const within = join(folder, 'ledger')
  const isDataDirectory = !existsSync(join(folder, 'checkpoint')) && existsSync(join(within, 'vkey'))
  const chosen = isDataDirectory ? within : folder
  if (statSync(chosen, { throwIfNoEntry: false })?.isDirectory() === true) {
    // A folder that this user may not read says nothing about the log in it.
    accessSync(chosen, constants.R_OK | constants.X_OK)
    return chosen
  }
  const advice = 'name the `ledger` folder of a data directory, or a copy of it'
  throw new KernelError('LEDGER_NOT_FOUND', `\`${chosen}\` is not a folder; ${advice}`)
}

function progressOn({ terminal }: World): (progress: { readonly entries: number; readonly size: number }) => void {
  let shownPercent = -1
  return ({ entries, size }) => {
    const percent = Math.floor((100 * entries) / Math.max(size, 1))
    if (percent === shownPercent || size < noticeableEntries) return
    shownPercent = percent
    terminal.progress(`verifying: ${entries} of ${size} entries (${percent} %)`)
  }
}

/** Below this a log verifies before anyone could read how far it is. */
const noticeableEntries = 10_000
