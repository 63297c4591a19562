/**
 * Run as a process of its own, to be killed: appends without end and prints what was acknowledged, one line each:
 * `entry SEQ LEAFHASH`, `intent ID RESOURCE`, `settled ID`.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/base/clock.ts'
import { loadKeys } from '../../src/base/keys.ts'
import { openLedger } from '../../src/evidence/ledger/index.ts'

const [directory = '', keysRoot = '', origin = '', round = '0'] = process.argv.slice(2)
const ledger = await openLedger({
  directory,
  keys: loadKeys(keysRoot, origin),
  clock: systemClock,
  bounds: { walSegmentBytes: 262_144, publishIntervalMs: 20, threadedFiles: Number(round) % 2 === 0 ? 1 : 1000 },
})
const say = (line: string): void => void writeSync(1, `${line}\n`)
const draft = { kind: 'action', agent: 'local', principal: 'alice', action: 'fs.write' } as const
say('open')

async function reader(name: number): Promise<void> {
  for (let i = 0; ; i++) {
    const resource = `/r${round}/${name}/${i}/${'x'.repeat((i * 37) % 900)}`
    const { seq, leafHash } = await ledger.append(
      { ...draft, resource },
      { durability: i % 5 === 0 ? 'durable' : 'written' },
    )
    say(`entry ${seq} ${leafHash}`)
    if (i % 20 === 0) await new Promise(setImmediate)
  }
}

async function writer(name: number): Promise<void> {
  for (let i = 0; ; i++) {
    const id = await ledger.intend({ name, i })
    const resource = `/w${round}/${name}/${i}`
    say(`intent ${id} ${resource}`)
    const settles = { durability: 'durable', settles: id } as const
    const { seq, leafHash } = await ledger.append({ ...draft, resource }, settles)
    say(`settled ${id}`)
    say(`entry ${seq} ${leafHash}`)
  }
}

await Promise.all([...[1, 2, 3].map(reader), ...[4, 5].map(writer)])
