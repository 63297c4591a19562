import { resolve } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { nodePrimitives } from '../../base/hash.ts'
import { checkVkey, parseVkey, type VerifierKey } from '../../evidence/ledger/index.ts'
import { CosignedHeads, Witness, type Served, type WitnessSigner } from '../../evidence/witness/index.ts'
import { readVkey } from '../given-files.ts'
import { readSigner } from './witness-key.ts'

/** What `serve` and `cosign` are told. */
export interface WitnessOptions {
  readonly state: string
  readonly key: string
  readonly log: readonly string[]
}

/** A witness with its key and what it remembers, held by this process until it is closed. */
export interface OpenWitness extends Served {
  readonly signer: WitnessSigner
  close(): void
}

/** @throws KernelError KEY_…, WITNESS_STATE_UNUSABLE; system errors */
export async function openWitness({ state, key, log }: WitnessOptions): Promise<OpenWitness> {
  const signer = readSigner(key)
  const logs = new Map<string, VerifierKey[]>()
  for (const each of log) {
    const vkey = parseVkey(readVkey(each))
    await checkVkey(vkey, nodePrimitives)
    logs.set(vkey.name, [...(logs.get(vkey.name) ?? []), vkey])
  }
  const heads = await CosignedHeads.open(resolve(state), signer, systemClock)
  const witness = new Witness({ signer, logs, heads, clock: systemClock, primitives: nodePrimitives })
  return { signer, witness, heads, logs, close: () => heads.close() }
}
