import type { RandomBytes } from '../base/random.ts'
import type { Vault } from '../evidence/vault/index.ts'

/** Bytes of the salt that keeps a commitment from being guessed (FORMATS, "Commitment"). */
const saltBytes = 16

/** What the vault seals where policy names no class. */
export const defaultClass = 'internal'

/** Keeps a payload for the entry that comes next, and returns what that says of it: 64 hex. */
export function keepIn(vault: Vault, random: RandomBytes, sensitivity: string | undefined, bytes: Uint8Array): string {
  return vault.put(sensitivity ?? defaultClass, { salt: random(saltBytes), bytes })[0] as string
}
