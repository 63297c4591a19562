import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { isKernelError } from '../../base/errors.ts'
import type { KeyRing } from '../../base/keys.ts'
import { pooledRandom } from '../../base/random.ts'
import { openVault, type Vault } from '../../evidence/vault/index.ts'
import type { Committed } from '../../kernel/survey.ts'
import type { Check } from './check.ts'

const name = 'vault'
/** Payloads that are opened one after another; of what comes behind only every so-manieth is. */
const openedAll = 20_000
const openedEvery = 50
/** Payloads that are looked for in vain before a day is given up. */
const missesPerDay = 100

interface Faults {
  missing: number
  damaged: number
  firstSeq: number
}

/** Opens payloads that the log commits to, and names each day's file that does not hold them. */
export class VaultCheckup {
  readonly #folder: string
  readonly #vault: Vault | undefined
  /** Why the vault does not open with the key that is there. */
  readonly #refusal: Check | undefined
  readonly #faults: Map<string, Faults> = new Map()
  #committed = 0
  #opened = 0

  /** Without keys nothing is opened; without a folder all is missing. */
  constructor(dataDir: string, keys: KeyRing | undefined) {
    this.#folder = join(dataDir, 'vault')
    if (keys === undefined || !existsSync(this.#folder)) return
    try {
      const options = { key: keys.vaultKey, clock: systemClock, random: pooledRandom() }
      this.#vault = openVault({ directory: this.#folder, ...options })
    } catch (error) {
      if (!isKernelError(error, 'KEY_INVALID')) throw error
      const message = `\`vault.key\` opens nothing in \`${this.#folder}\`: it is of another vault, or the keys of the days were changed`
      const next = 'restore the key that was here from your backup, or the folder'
      this.#refusal = { name, status: 'damage', message, file: this.#folder, next }
    }
  }

  async look({ seq, commitment, class: sensitivity, timeMs }: Committed): Promise<void> {
    this.#committed++
    if (this.#vault === undefined || (this.#committed > openedAll && this.#committed % openedEvery !== 0)) return
    const day = `${sensitivity}/${new Date(timeMs).toISOString().slice(0, 10)}`
    if ((this.#faults.get(day)?.missing ?? 0) >= missesPerDay) return
    try {
      await this.#vault.get(commitment, { class: sensitivity, timeMs })
      this.#opened++
    } catch (error) {
      if (!isKernelError(error)) throw error
      const faults = this.#faults.get(day) ?? { missing: 0, damaged: 0, firstSeq: seq }
      if (error.code === 'VAULT_NOT_FOUND') faults.missing++
      else faults.damaged++
      this.#faults.set(day, faults)
    }
  }

  async checks(): Promise<Check[]> {
    await this.#vault?.close()
    if (this.#refusal !== undefined) return [this.#refusal]
    if (this.#committed === 0) return [{ name, status: 'ok', message: 'the log commits to no payload yet' }]
    if (!existsSync(this.#folder)) {
      const message = `\`${this.#folder}\` is missing: the ${this.#committed} payloads that the log commits to are lost`
      const next = 'restore the folder from a backup; the log verifies without it, but stored answers are gone'
      return [{ name, status: 'damage', message, file: this.#folder, count: this.#committed, next }]
    }
    if (this.#vault === undefined) return [{ name, status: 'note', message: 'not looked at: its key is not there' }]
    const faults = [...this.#faults].map(([day, each]) => this.#faultCheck(day, each))
    if (faults.length > 0) return faults
    const share = this.#opened < this.#committed ? `${this.#opened} of ${this.#committed}` : `all ${this.#committed}`
    return [
      { name, status: 'ok', message: `${share} payloads that the log commits to were opened`, count: this.#opened },
    ]
  }

  #faultCheck(day: string, { missing, damaged, firstSeq }: Faults): Check {
    const file = join(this.#folder, day)
    if (damaged === 0 && !existsSync(`${file}.key`)) {
      const message = `the key of \`${file}\` is gone, and with it ${count(missing)} payloads (the first is of entry ${firstSeq})`
      const next = 'nothing, if it was destroyed to erase them; else restore it from a backup'
      return { name, status: 'note', message, file: `${file}.key`, seq: firstSeq, count: missing, next }
    }
    const what = [
      damaged > 0 ? `${damaged} payloads do not open` : '',
      missing > 0 ? `${count(missing)} are not there` : '',
    ]
    const message = `\`${file}\`: ${what.filter((part) => part !== '').join(', ')} (the first is of entry ${firstSeq})`
    const next = 'restore the file from a backup; the log verifies without it'
    return { name, status: 'damage', message, file, seq: firstSeq, count: damaged + missing, next }
  }
}

function count(missing: number): string {
  return missing >= missesPerDay ? `${missesPerDay} or more` : String(missing)
}
