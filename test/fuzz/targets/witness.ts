import { fromUtf8 } from '../../../src/base/bytes.ts'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { parseCheckpoint, parseNote, parseVkey } from '../../../src/evidence/ledger/index.ts'
import { cosignatureProblems } from '../../../src/evidence/receipt/index.ts'
import {
  answerAddCheckpoint,
  createWitnessKey,
  isRefusal,
  proofFrom,
  readWitnessSigner,
  Witness,
} from '../../../src/evidence/witness/index.ts'
import { formatAddCheckpoint, parseAddCheckpoint } from '../../../src/evidence/witness/request.ts'
import { readSignedHead } from '../../../src/evidence/receipt/index.ts'
import { aSigner, publish, someEntries } from '../../evidence/receipt/a-log.ts'
import { bytesOf, demand, ending, endingLater, sameBytes, type Target } from '../target.ts'

const log = aSigner()
const entries = someEntries(log, 600)
const published = [7, 8, 300, 600].map((size) => publish(log, entries.slice(0, size)))
const notes = published.map((each) => each.file('checkpoint'))
const bodies = new Set(notes.map((note) => parseNote(note).body))
const keyFile = createWitnessKey('witness.example/w', (length) => Buffer.alloc(length, 7))
const signer = readWitnessSigner(keyFile)
const timeMs = 1_700_000_000_000

function cosigned(note: Uint8Array): Uint8Array {
  return Buffer.concat([note, bytesOf(signer.cosign(parseNote(note).body, timeMs / 1000))])
}

/** What the witness remembers: the smallest of the heads. */
const known = (() => {
  const bytes = cosigned(notes[0] as Uint8Array)
  return { bytes, checkpoint: parseCheckpoint(parseNote(bytes).body), timestamp: timeMs / 1000 }
})()

function served(): Parameters<typeof answerAddCheckpoint>[0] {
  const heads = { read: () => Promise.resolve(known), write: () => Promise.resolve() }
  const logs = new Map([[log.origin, [parseVkey(log.vkey)]]])
  const witness = new Witness({ signer, logs, heads, clock: { now: () => timeMs }, primitives: nodePrimitives })
  return { witness, heads, logs }
}

async function requests(): Promise<readonly Uint8Array[]> {
  const { size } = known.checkpoint
  const made = published.map(async (files, index) => {
    const signed = readSignedHead(notes[index] as Uint8Array)
    const proof = await proofFrom({ files, signed, primitives: nodePrimitives }, size)
    return formatAddCheckpoint({ oldSize: size, proof, checkpoint: signed.bytes })
  })
  const fromNothing = notes.map((checkpoint) => formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))
  return [...(await Promise.all(made)), ...fromNothing]
}

/** A request to a witness: it cosigns only what the log has signed, and only what extends the head that it remembers. */
export const addCheckpointTarget: Target = {
  name: 'add-checkpoint',
  words: ['old ', 'old 7\n', '\n\n', `${log.origin}\n`, '\u2014 ', `${'A'.repeat(43)}=\n`],
  seeds: requests,
  async run(input) {
    const request = parseAddCheckpoint(input)
    if (!isRefusal(request)) demand(sameBytes(formatAddCheckpoint(request), input), 'a request was read as another one')
    const { status, body } = await answerAddCheckpoint(served(), input)
    if (status !== 200) return `${status} ${String(body).replace(/\d+/g, '')}`
    demand(
      !isRefusal(request) && bodies.has(parseNote(request.checkpoint).body),
      'a head was cosigned that nobody signed',
    )
    demand(request.oldSize === known.checkpoint.size, 'a head was cosigned that starts elsewhere')
    return 'ok'
  },
}

/** A note with cosignatures: none is believed that the witness has not given for this very text. */
export const cosignatureTarget: Target = {
  name: 'cosignature',
  words: ['\u2014 witness.example/w ', '\n\n', '\u2014 ', 'AAAA'],
  seeds: () => notes.map(cosigned),
  run: (input) =>
    endingLater(
      () => cosignatureProblems(input, [signer.vkey], nodePrimitives),
      (problems) => {
        if (problems.length > 0) return `problems ${problems.map(({ message }) => message.replace(/\d+/g, '')).join()}`
        demand(bodies.has(parseNote(input).body), 'a cosignature was believed that nobody gave')
        return 'ok'
      },
      ['NOTE_INVALID'],
    ),
}

/** The key file of a witness has one spelling, and its signatures hold. */
export const witnessKeyTarget: Target = {
  name: 'witness-key',
  words: ['PRIVATE+KEY+', '+', '=', '\n'],
  seeds: () => [bytesOf(keyFile)],
  run: (input) =>
    ending(
      () => readWitnessSigner(fromUtf8(input)),
      ({ key }) => {
        const typed = Buffer.from(fromUtf8(input).trim().split('+').at(-1) ?? '', 'base64')
        const again = createWitnessKey(key.name, () => typed.subarray(1))
        demand(sameBytes(bytesOf(again), input), 'a key was read that is written otherwise')
      },
      ['KEY_INVALID', 'VALUE_INVALID'],
    ),
}
