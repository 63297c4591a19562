import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { formatEntry, parseEntry } from '../../../src/evidence/ledger/index.ts'
import { anEntry } from '../../evidence/formats/an-entry.ts'
import { bytesOf, demand, ending, sameBytes, type Target } from '../target.ts'

/** One entry of the log: what is taken is written back as the same bytes, and is what RFC 8785 makes of the same value. */
export const entryTarget: Target = {
  name: 'entry',
  words: ['"agentSeq":', '"kind":"head",', '"v":1', '"time":', '"outcome":{', '"charge":{', '"flow":[', '"digest":"'],
  seeds: () => fc.sample(anEntry, { seed: 1, numRuns: 60 }).map((entry) => bytesOf(formatEntry(entry))),
  run: (input) =>
    ending(
      () => parseEntry(input),
      (entry) => {
        demand(sameBytes(bytesOf(formatEntry(entry)), input), 'an entry was read that is written otherwise')
        const text = canonicalize(JSON.parse(Buffer.from(input).toString()))
        demand(sameBytes(bytesOf(text ?? ''), input), 'an entry was read that is not canonical')
      },
      ['ENTRY_INVALID'],
    ),
}
