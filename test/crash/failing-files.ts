import { nodeFiles } from '../../src/evidence/ledger/file-layer.ts'
import type { FileLayer } from '../../src/evidence/ledger/index.ts'

/** How one call of the file layer goes wrong, and whether those after it do too. */
export interface Fault {
  /** Which call, from 1. */
  readonly call: number
  readonly code: 'EIO' | 'ENOSPC' | 'EROFS'
  /** `once`: the disk is well again at the next call. `on`: every later call that would change something fails too. */
  readonly lasts: 'once' | 'on'
  /** A write reaches the file by half before it fails. */
  readonly isShort?: boolean
}

export interface FailingFiles {
  readonly files: FileLayer
  /** Calls so far. */
  readonly calls: () => number
  /** The call that failed first. */
  readonly failed: () => string | undefined
  /** Calls after the first failure. */
  readonly later: readonly string[]
}

const inTurn: ReadonlySet<string> = new Set(['open', 'write', 'cut', 'close'])

/** The real files, of which one call fails as `fault` says. Without a fault it only counts. */
export function failingFiles(fault?: Fault): FailingFiles {
  let calls = 0
  let failed: string | undefined
  const later: string[] = []
  const act = (name: string, inputs: unknown[]): unknown => {
    const real = (nodeFiles as unknown as Record<string, (...inputs: unknown[]) => unknown>)[name]
    calls++
    if (failed !== undefined) later.push(name)
    const isDue = fault !== undefined && (calls === fault.call || (fault.lasts === 'on' && calls > fault.call))
    if (!isDue || name === 'close') return real?.apply(nodeFiles, inputs)
    failed ??= name
    const error = Object.assign(new Error(`${fault.code}: ${name}`), { code: fault.code })
    if (name === 'write' && fault.isShort === true) writeHalf(inputs)
    if (inTurn.has(name)) throw error
    return Promise.reject(error)
  }
  const files = new Proxy(nodeFiles, {
    get:
      (_, name) =>
      (...inputs: unknown[]) =>
        act(String(name), inputs),
  })
  return { files, calls: () => calls, failed: () => failed, later }
}

function writeHalf([fd, bytes, position]: unknown[]): void {
  const whole = bytes as Uint8Array
  nodeFiles.write(fd as number, whole.subarray(0, Math.floor(whole.length / 2)), position as number)
}

const faults: readonly Omit<Fault, 'call'>[] = [
  { code: 'EIO', lasts: 'once' },
  { code: 'ENOSPC', lasts: 'on', isShort: true },
  { code: 'EROFS', lasts: 'on' },
  { code: 'EIO', lasts: 'once', isShort: true },
]

/** Every sort of fault at `call`. */
export function faultsAt(call: number): Fault[] {
  return faults.map((fault) => ({ ...fault, call }))
}
