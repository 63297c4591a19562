import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../src/base/clock.ts'
import { createKeys, loadKeys, type KeyRing } from '../../src/base/keys.ts'
import { openLedger, type Ledger, type LedgerBounds } from '../../src/evidence/ledger/index.ts'
import { copyStill } from './still-image.ts'
import { unsyncedFiles } from './unsynced-files.ts'

/** Ledgers one after another over one folder, or over the copy of it and of its keys that a crash left. */
export class ALogPlace {
  readonly root: string = mkdtempSync(join(tmpdir(), 'kestrel-log-model-'))
  nowMs = 1_700_000_000_000
  ledger!: Ledger
  private keys: KeyRing = createKeys(join(this.root, 'keys-0'))
  private generation = 0
  private readonly bounds: Partial<LedgerBounds>

  constructor(bounds: Partial<LedgerBounds>) {
    this.bounds = bounds
  }

  get directory(): string {
    return join(this.root, `data-${this.generation}`, 'ledger')
  }

  async start(): Promise<void> {
    const clock: Clock = { now: () => this.nowMs, monotonicMs: () => performance.now() }
    const { directory, keys, bounds } = this
    this.ledger = await openLedger({ directory, keys, clock, bounds, files: unsyncedFiles })
  }

  /** What a crash at this moment leaves, as the folder of the next start. */
  leaveBehind(): void {
    const before = this.generation++
    const place = (name: string, generation: number): string => join(this.root, `${name}-${generation}`)
    copyStill({
      [place('keys', before)]: place('keys', this.generation),
      [place('data', before)]: place('data', this.generation),
    })
    this.keys = loadKeys(join(this.root, `keys-${this.generation}`), this.keys.origin)
  }

  forgetOlder(): void {
    for (const name of ['keys', 'data']) {
      rmSync(join(this.root, `${name}-${this.generation - 1}`), { recursive: true, force: true })
    }
  }

  async end(): Promise<void> {
    // There is none where the first start failed.
    await (this.ledger as Ledger | undefined)?.close().catch(() => undefined)
    rmSync(this.root, { recursive: true, force: true })
  }
}
