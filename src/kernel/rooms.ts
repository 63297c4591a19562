import type { Clock } from '../base/clock.ts'
import { KernelError } from '../base/errors.ts'
import type { KeyRing } from '../base/keys.ts'
import type { RandomBytes } from '../base/random.ts'
import { openLedger, type Ledger } from '../evidence/ledger/index.ts'
import { openVault, type Vault } from '../evidence/vault/index.ts'
import type { DataDirectory } from './data-directory.ts'
import type { Seal } from './gate.ts'
import { openState, type State } from './state/state.ts'

/** What a kernel holds open in its data directory. */
export interface Rooms {
  readonly ledger: Ledger
  readonly vault: Vault
  readonly state: State
  readonly seal: Seal
}

/**
 * Opens log, vault and index, in this order: the log's lock keeps everybody else out of the other two.
 *
 * @throws KernelError LEDGER_…, VAULT_UNWRITABLE, STATE_INVALID; what was opened is closed again
 */
export async function openRooms(
  places: DataDirectory,
  keys: KeyRing,
  clock: Clock,
  random: RandomBytes,
): Promise<Rooms> {
  const seal: Seal = { by: undefined }
  const onFailure = (error: KernelError): void => breakSeal(seal, error)
  const ledger = await openLedger({ directory: places.ledger, keys, clock, onFailure })
  let vault: Vault | undefined
  try {
    vault = openVault({ directory: places.vault, key: keys.vaultKey, clock, random })
    return { ledger, vault, state: openState(places.state, ledger.origin, ledger.treeSize), seal }
  } catch (error) {
    await vault?.close().catch(() => undefined)
    await ledger.close().catch(() => undefined)
    throw error
  }
}

/** From now on the kernel denies everything; the first cause is the one that is told. */
export function breakSeal(seal: Seal, error: KernelError): void {
  seal.by ??= error
}

/**
 * Writes to the index, or breaks the seal: its failure never undoes an entry that is in the log. Afterwards the index is left
 * as it is, so that the next start finds it behind and catches up from the log.
 */
export function unlessSealed(seal: Seal, write: () => void): void {
  if (seal.by !== undefined) return
  try {
    write()
  } catch (cause) {
    breakSeal(seal, new KernelError('STATE_INVALID', 'the index cannot be written', { cause }))
  }
}

/** Closes everything, whatever fails on the way; the first failure is thrown at the end. */
export async function closeRooms({ ledger, vault, state, seal }: Rooms): Promise<void> {
  try {
    await vault.close()
  } finally {
    try {
      await ledger.close()
      unlessSealed(seal, () => state.advance(ledger.treeSize))
    } finally {
      state.close()
    }
  }
}
