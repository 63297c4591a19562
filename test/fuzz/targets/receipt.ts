import { nodePrimitives } from '../../../src/base/hash.ts'
import { formatEntry } from '../../../src/evidence/ledger/index.ts'
import { buildReceipt, formatReceipt, parseReceipt, verifyReceipt } from '../../../src/evidence/receipt/index.ts'
import { aSigner, publish, someEntries } from '../../evidence/receipt/a-log.ts'
import { bytesOf, demand, ending, endingLater, sameBytes, type Target } from '../target.ts'

const signer = aSigner()
const entries = someEntries(signer, 300)
const log = publish(signer, entries)
const early = publish(signer, entries.slice(0, 7))

/** A receipt: read back as the same bytes, and believed only of an entry that is in the log, at its own place. */
export const receiptTarget: Target = {
  name: 'receipt',
  words: ['c2sp.org/tlog-proof@v1\n', 'extra ', 'index ', '\n\n', `${signer.origin}\n`, '\u2014 '],
  seeds: () =>
    Promise.all([
      ...[0, 1, 6].map((seq) => buildReceipt(early, seq, { primitives: nodePrimitives })),
      ...[0, 255, 256, 299].map((seq) => buildReceipt(log, seq, { primitives: nodePrimitives })),
    ]),
  async run(input) {
    const form = ending(
      () => parseReceipt(input),
      (receipt) => demand(sameBytes(formatReceipt(receipt), input), 'a receipt was read that is written otherwise'),
      ['RECEIPT_INVALID'],
    )
    const truth = await endingLater(
      () => verifyReceipt(input, { vkey: signer.vkey, primitives: nodePrimitives }),
      ({ entry }) => {
        const logged = entries[entry.seq]
        const isLogged = logged !== undefined && sameBytes(logged, bytesOf(formatEntry(entry)))
        demand(isLogged, 'a receipt was believed for an entry that is not there')
      },
      ['RECEIPT_INVALID'],
    )
    demand(form.startsWith('ok') || !truth.startsWith('ok'), 'a receipt was believed that cannot be read')
    return form.startsWith('ok') ? truth : form
  },
}
