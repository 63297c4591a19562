import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { KernelError } from '../../base/errors.ts'
import { nodePrimitives } from '../../base/hash.ts'
import { limits } from '../../base/limits.ts'
import { logFiles } from '../../evidence/ledger/index.ts'
import { readSignedHead } from '../../evidence/receipt/index.ts'
import { isRefusal, proofFrom, type Refusal } from '../../evidence/witness/index.ts'
import { exitCodes } from '../exit-code.ts'
import { readTextFile } from '../given-files.ts'
import { usage } from '../typed-request.ts'
import type { World } from '../world.ts'
import { openWitness, type WitnessOptions } from './witness-memory.ts'

/** Cosigns one checkpoint, with the proof that the files beside it give. */
export async function witnessCosign({ terminal }: World, path: string, options: WitnessOptions): Promise<number> {
  const { folder, bytes } = checkpointAt(path)
  const signed = readSignedHead(bytes)
  const { origin, size, root } = signed.checkpoint
  const witness = await openWitness(options)
  try {
    const found = await witness.witness.cosign(bytes, async (oldSize) => {
      assertProvable(oldSize, size, folder)
      const log = { files: logFiles(folder), signed, primitives: nodePrimitives }
      return { oldSize, proof: await proofFrom(log, oldSize) }
    })
    if ('waiting' in found) throw usage('another request is under way')
    if (isRefusal(found)) throw refusedAs(found)
    const { line, timestamp } = found
    const cosigned = { ok: true, origin, size, root: toHex(root), witness: witness.signer.vkey, timestamp }
    if (terminal.isJson) terminal.json({ ...cosigned, cosignature: line })
    else terminal.write(line)
    return exitCodes.ok
  } finally {
    witness.close()
  }
}

/** The checkpoint that was named, and the folder in which its log's tiles should lie. */
function checkpointAt(path: string): { readonly folder: string; readonly bytes: Uint8Array } {
  const named = resolve(path)
  const isFolder = statSync(named).isDirectory()
  const within = join(named, 'ledger')
  const isDataDirectory = isFolder && !existsSync(join(named, 'checkpoint')) && existsSync(join(within, 'checkpoint'))
  const folder = isDataDirectory ? within : isFolder ? named : dirname(named)
  return { folder, bytes: readTextFile(isFolder ? join(folder, 'checkpoint') : named, limits.noteBytes) }
}

function assertProvable(oldSize: number, size: number, folder: string): void {
  if (oldSize > size) {
    const why = `the witness has cosigned ${oldSize} entries of it, and this checkpoint has ${size}`
    throw new KernelError('LEDGER_ROLLED_BACK', why)
  }
  if (oldSize === 0 || oldSize === size || existsSync(join(folder, 'tile'))) return
  throw usage(`the proof from ${oldSize} to ${size} entries needs the log's tiles; name its whole folder`)
}

function refusedAs({ status, says }: Refusal): KernelError {
  if (status === 404)
    return usage('`--log` does not name the log of this checkpoint; give it the line of `kestrel key`')
  return new KernelError(status === 422 ? 'LEDGER_PROOF_INVALID' : 'NOTE_INVALID', says)
}
