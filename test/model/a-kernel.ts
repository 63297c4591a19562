import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filesystem, functions } from 'kestrel-kernel/providers'
import type { ActionDefinition, Provider } from 'kestrel-kernel/providers'
import type { Clock } from '../../src/base/clock.ts'
import { createKernel, type Kernel } from '../../src/kernel/kernel.ts'
import type { PolicyName } from './reference-gate.ts'
import { copyStill } from './still-image.ts'
import { unsyncedFiles } from './unsynced-files.ts'

const open = [
  { action: 'fs.read', resource: '/workspace/**' },
  { action: 'fn.act', resource: '**' },
  { action: 'fn.look', resource: '**' },
  { action: 'fn.throws', resource: '**' },
  { action: 'fn.admin', resource: '**', who: ['role:admin'] },
  { action: 'odd.*', resource: '**' },
]
const deny = [{ action: 'fs.*', resource: '**/.env' }]

const policies: Readonly<Record<PolicyName, object>> = {
  wide: { allow: [...open, { action: 'fs.write', resource: '/workspace/out/**' }], deny },
  narrow: { allow: open, deny: [...deny, { action: 'fn.act', resource: '**' }] },
}

export const initialFiles: Readonly<Record<string, string>> = {
  '/workspace/a.txt': 'alpha',
  '/workspace/out/b.txt': 'béta',
  '/workspace/.env': 'SECRET=1',
}

/** Kernels one after another over one data directory, or over the copy of it that a crash left. */
export class AKernel {
  readonly root: string = mkdtempSync(join(tmpdir(), 'kestrel-model-'))
  /** What `fn.act` did, as the world outside has it: no crash takes it back. */
  readonly effects: number[] = []
  nowMs = 1_700_000_000_000
  kernel!: Kernel
  private generation = 0

  constructor() {
    mkdirSync(join(this.root, 'workspace', 'out'), { recursive: true })
    for (const [path, content] of Object.entries(initialFiles)) writeFileSync(join(this.root, path), content)
  }

  get dataDir(): string {
    return join(this.root, `data-${this.generation}`)
  }

  private get keysDir(): string {
    return join(this.root, `keys-${this.generation}`)
  }

  async start(policy: PolicyName): Promise<void> {
    const clock: Clock = { now: () => this.nowMs, monotonicMs: () => 0 }
    const options = {
      policy: { version: 1, mounts: { '/workspace': join(this.root, 'workspace') }, ...policies[policy] },
      providers: [filesystem(), this.functions(), oddProvider],
      dataDir: this.dataDir,
      keysDir: this.keysDir,
      clock,
    }
    this.kernel = await createKernel(options, { files: unsyncedFiles })
  }

  /** What a crash at this moment leaves, as the data directory of the next start. */
  leaveBehind(): void {
    const [keys, data] = [this.keysDir, this.dataDir]
    this.generation++
    copyStill({ [keys]: this.keysDir, [data]: this.dataDir })
  }

  forgetOlder(): void {
    const older = this.generation - 1
    rmSync(join(this.root, `data-${older}`), { recursive: true, force: true })
    rmSync(join(this.root, `keys-${older}`), { recursive: true, force: true })
  }

  handle(by: string): Pick<Kernel, 'submit'> {
    if (by === 'local') return this.kernel
    return this.kernel.as({ id: by, roles: by === 'bob' ? ['admin'] : [] })
  }

  vkey(): string {
    return readFileSync(join(this.dataDir, 'ledger', 'vkey'), 'utf8').trim()
  }

  async end(): Promise<void> {
    // There is none where the first start failed.
    await (this.kernel as Kernel | undefined)?.close().catch(() => undefined)
    rmSync(this.root, { recursive: true, force: true })
  }

  private functions(): Provider {
    return functions({
      act: {
        run: async (params: unknown) => {
          const { amount } = params as { amount: number }
          if (amount % 2 === 0) await new Promise(setImmediate)
          this.effects.push(amount)
          return { amount }
        },
      },
      look: { kind: 'observe', run: () => ({ seen: true }) },
      admin: { kind: 'observe', run: () => undefined },
      throws: () => {
        throw new Error('with a text that nobody may see')
      },
      unlisted: () => {
        throw new Error('no rule allows this name')
      },
    })
  }
}

function odd(perform: () => unknown, more: Partial<ActionDefinition> = {}): ActionDefinition {
  return {
    kind: 'mutate',
    readResource: (raw) => ({ canonical: raw }),
    perform: perform as ActionDefinition['perform'],
    ...more,
  }
}

function throws(): never {
  throw { not: 'an Error' }
}

const busy = { code: 'busy', message: 'later', retryable: true }
const never = new Promise<never>(() => undefined)

/** Breaks its contract in every way that the model tells apart. */
const oddProvider: Provider = {
  name: 'odd',
  actions: {
    'odd.garbage': odd(() => ({ effect: 'maybe' })),
    'odd.throws': odd(throws),
    'odd.blind': odd(throws, { kind: 'observe' }),
    'odd.refuses': odd(() => ({ refused: 'unsafe_file', message: 'no' })),
    'odd.none': odd(() => Promise.resolve({ effect: 'none', error: busy })),
    'odd.unsure': odd(() => ({ effect: 'uncertain', error: { ...busy, code: 'lost' } })),
    'odd.unshown': odd(() => ({ effect: 'done', result: { big: 1n } })),
    'odd.hangs': odd(() => never, { timeoutMs: 3 }),
  },
}
