import type { Clock } from '../base/clock.ts'
import { KernelError } from '../base/errors.ts'
import type { KeyRing } from '../base/keys.ts'
import { limits } from '../base/limits.ts'
import type { RandomBytes } from '../base/random.ts'
import { openLedger, type FileLayer, type Ledger } from '../evidence/ledger/index.ts'
import { openVault, type Vault } from '../evidence/vault/index.ts'
import type { DataDirectory } from './data-directory.ts'
import type { Seal } from './gate.ts'
import { openState, type State } from './state/state.ts'
import { storedEntries, type StoredEntries } from './stored-entries.ts'

/** Log and vault, and what they are opened with. */
export interface EvidenceRooms extends StoredEntries {
  readonly ledger: Ledger
  readonly vault: Vault
  /** Before-images, in a vault of their own. */
  readonly images: Vault
  readonly random: RandomBytes
  readonly clock: Clock
  readonly seal: Seal
}

/** What a kernel holds open in its data directory. */
export interface Rooms extends EvidenceRooms {
  readonly state: State
  /** Entries that are being settled at this moment. */
  readonly resolving: Set<number>
  /** Entries that are being undone. */
  readonly undoing: Set<number>
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
  files?: FileLayer,
): Promise<Rooms> {
  const rooms = await openEvidence(places, keys, clock, random, files)
  try {
    const state = openState(places.state, rooms.ledger.origin, rooms.ledger.treeSize, keys.walKey)
    return { ...rooms, state, resolving: new Set(), undoing: new Set() }
  } catch (error) {
    await closeEvidence(rooms).catch(() => undefined)
    throw error
  }
}

/** The same without the index. */
export async function openEvidence(
  places: DataDirectory,
  keys: KeyRing,
  clock: Clock,
  random: RandomBytes,
  files?: FileLayer,
): Promise<EvidenceRooms> {
  const seal: Seal = { by: undefined }
  const layer = files === undefined ? {} : { files }
  const onFailure = (error: KernelError): void => breakSeal(seal, error)
  const vaults: Vault[] = []
  // Payloads go out with the entries that commit to them. Vaults are opened second: the log's lock keeps others out of them.
  const companion = {
    write: () => {
      for (const vault of vaults) vault.write()
    },
    sync: () => syncAll(vaults),
  }
  const ledger = await openLedger({ directory: places.ledger, keys, clock, onFailure, companion, ...layer })
  try {
    const open = (directory: string): Vault => {
      const vault = openVault({ directory, key: keys.vaultKey, clock: timeOf(ledger, clock), random, ...layer })
      vaults.push(vault)
      return vault
    }
    const vault = open(places.vault)
    const images = open(places.images)
    images.expire(ledger.timeMs - limits.undoMs)
    return { ledger, vault, images, random, clock, seal, ...storedEntries(places.ledger, ledger) }
  } catch (error) {
    await ledger.close().catch(() => undefined)
    throw error
  }
}

async function syncAll(vaults: readonly Vault[]): Promise<void> {
  await Promise.all(vaults.map((vault) => vault.sync()))
}

/** Payloads are filed by the time of the log, which never goes back: an entry leads to the day of its payload. */
function timeOf(ledger: Ledger, clock: Clock): Clock {
  return { now: () => Math.max(clock.now(), ledger.timeMs), monotonicMs: () => clock.monotonicMs() }
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
export async function closeRooms({ state, seal, ...evidence }: Rooms): Promise<void> {
  try {
    await closeEvidence({ ...evidence, seal })
    unlessSealed(seal, () => state.advance(evidence.ledger.treeSize))
  } finally {
    state.close()
  }
}

/** The same without the index. */
export async function closeEvidence({ vault, images, ledger }: EvidenceRooms): Promise<void> {
  try {
    // The log first: its last sync takes the vault along.
    await ledger.close()
  } finally {
    await Promise.all([vault.close(), images.close()])
  }
}
