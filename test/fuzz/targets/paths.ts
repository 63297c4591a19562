import { posix } from 'node:path'
import { readPath } from '../../../src/effects/providers/filesystem/path.ts'
import { readName } from '../../../src/effects/providers/function/name.ts'
import { bytesOf, demand, type Target } from '../target.ts'

const spellings = [
  ...[
    '/workspace/a.txt',
    '/workspace/../secret',
    '/workspace//..//x',
    '/./a/./b/',
    '/',
    '//',
    '/..',
    '/%2e%2e/x',
    '/~/x',
  ],
  ...[
    'relative/x',
    '/a\\..\\b',
    '/\u2025/x',
    '/e\u0301/é',
    `/${'x'.repeat(255)}`,
    '/workspace/.env',
    '',
    'orders/17',
    'user_data',
  ],
]

/** Without the end that only a folder's name has. */
function resolved(raw: string): string {
  const normal = posix.normalize(raw)
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

/** Spellings of paths and of names: one canonical form, which is its own, and the one that POSIX has. */
export const pathTarget: Target = {
  name: 'path',
  words: ['/', '..', '.', '/../', '\0', '%2e', '\\', '\u202e', '\ud800', 'x'.repeat(256)],
  seeds: () => spellings.map(bytesOf),
  run(input) {
    const raw = Buffer.from(input).toString('utf8')
    const reading = readPath(raw)
    const name = readName(raw)
    if (raw.startsWith('/')) demand(JSON.stringify(name) === JSON.stringify(reading), 'a name reads paths another way')
    else if ('canonical' in name) demand(name.canonical === raw, 'a name was changed')
    if ('problem' in reading) return `refused ${reading.problem.replace(/\d+/g, '')} ${'problem' in name}`
    const { canonical } = reading
    demand(/^\/$|^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/.test(canonical), 'a canonical path has a segment that none has')
    demand(canonical === resolved(raw), 'POSIX resolves it to another path')
    const again = readPath(canonical)
    demand('canonical' in again && again.canonical === canonical, 'the canonical form is not its own')
    return `ok ${canonical === raw}`
  },
}
