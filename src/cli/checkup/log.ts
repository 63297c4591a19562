import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { nodePrimitives } from '../../base/hash.ts'
import { isKernelError } from '../../base/errors.ts'
import { loadKeys } from '../../base/keys.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { logFiles, openLog, parseNote, type Log } from '../../evidence/ledger/index.ts'
import { verifyLog, type Problem, type Verification } from '../../evidence/receipt/index.ts'
import { shellWord } from '../invocation.ts'
import type { World } from '../world.ts'
import { failed, type Check } from './check.ts'

const name = 'log'
/** Problems that are told one by one. */
const told = 5
/** A writer replaces its last files while they are read: what is found then is looked at again. */
const looks = 3

/** The published log, every entry of it, by the key in its folder or, where it is there, by our own. */
export async function logChecks(
  world: World,
  vkey: string | undefined,
  inUse: boolean,
): Promise<{ readonly checks: Check[]; readonly verification?: Verification }> {
  const { ledger } = world.places
  const file = join(ledger, 'checkpoint')
  if (!existsSync(file)) return { checks: [withoutCheckpoint(ledger, file)] }
  try {
    let verification = await verified(ledger, vkey)
    for (let look = 1; inUse && !verification.ok && look < looks; look++) verification = await verified(ledger, vkey)
    const { problems, size } = verification
    const message = `${size} entries verified under the signed checkpoint`
    if (verification.ok) return { verification, checks: [{ name, status: 'ok', message }, witnessCheck(ledger)] }
    return { verification, checks: problemChecks(ledger, problems) }
  } catch (error) {
    return { checks: [failed(name, error)] }
  }
}

function withoutCheckpoint(ledger: string, file: string): Check {
  if (!existsSync(join(ledger, 'tile'))) return { name, status: 'note', message: 'nothing is published yet', file }
  const next = 'put it back from a copy of the log; without it nobody can verify the entries'
  return { name, status: 'damage', message: `\`${file}\` is missing`, file, next }
}

function verified(ledger: string, vkey: string | undefined): Promise<Verification> {
  return verifyLog(logFiles(ledger), { primitives: nodePrimitives, ...(vkey !== undefined && { vkey }) })
}

function problemChecks(ledger: string, problems: readonly Problem[]): Check[] {
  const next =
    'put the file back from a copy of the log, and check with `kestrel verify`; no copy: keep it as it is, it proves what is left'
  const checks = problems.slice(0, told).map(({ code, seq, file, message }): Check => {
    const where = [seq === undefined ? '' : `entry ${seq}`, file === undefined ? '' : `\`${join(ledger, file)}\``]
    const place = where.filter((part) => part !== '').join(' in ')
    return {
      name,
      status: 'damage',
      message: `${place === '' ? '' : `${place}: `}${message} (${code})`,
      next,
      ...(file !== undefined && { file: join(ledger, file) }),
      ...(seq !== undefined && { seq }),
    }
  })
  const rest = problems.length - checks.length
  if (rest > 0) {
    checks.push({ name, status: 'damage', message: `${rest} more`, count: rest, next: '`kestrel verify` lists them' })
  }
  return checks
}

function witnessCheck(ledger: string): Check {
  const bytes = readOwn(join(ledger, 'checkpoint'), limits.noteBytes) ?? new Uint8Array()
  const { body, signatures } = parseNote(bytes)
  const origin = body.slice(0, body.indexOf('\n'))
  const witnesses = signatures.filter((each) => each.name !== origin)
  if (witnesses.length > 0) {
    const names = witnesses.map((each) => `\`${each.name}\``).join(', ')
    return { name: 'witness', status: 'ok', message: `the checkpoint bears ${names} too`, count: witnesses.length }
  }
  const message = 'unwitnessed: an older state, put back with its keys, could not be told from the newest'
  const next = 'keep checkpoints elsewhere for `kestrel verify --since`, or let a witness cosign them'
  return { name: 'witness', status: 'note', message, count: 0, next }
}

/** What names the log: its `vkey`, and where that is damaged its checkpoint, which says how to write the file again. */
export function nameOfLog(world: World): { readonly origin?: string; readonly checks: Check[] } {
  const { ledger, keysDir } = world.places
  const file = join(ledger, 'vkey')
  const text = read(file)
  const plus = text.indexOf('+')
  if (plus > 0) return { origin: text.slice(0, plus), checks: [] }
  const what = existsSync(file) ? 'does not hold a verifier key' : 'is missing'
  const origin = read(join(ledger, 'checkpoint')).split('\n')[0] ?? ''
  const advice = 'put it back from a copy of the log; `kestrel key` had printed it'
  const next = remedy(keysDir, origin, file) ?? advice
  const check: Check = { name, status: 'damage', message: `\`${file}\` ${what}`, file, next }
  return { ...(origin !== '' && { origin }), checks: [check] }
}

function remedy(keysDir: string, origin: string, file: string): string | undefined {
  try {
    return `its keys are there, so run: echo ${shellWord(loadKeys(keysDir, origin).vkey)} > ${shellWord(file)}`
  } catch (error) {
    if (isKernelError(error)) return undefined
    throw error
  }
}

function read(file: string): string {
  try {
    return readOwn(file, limits.noteBytes)?.toString('utf8').trim() ?? ''
  } catch (error) {
    if (isKernelError(error)) return ''
    throw error
  }
}

/** The log for a walk over its entries, or undefined where it cannot be walked: that was told already. */
export async function walkable(ledger: string): Promise<Log | undefined> {
  try {
    return await openLog(ledger)
  } catch (error) {
    if (isKernelError(error)) return undefined
    throw error
  }
}
