import { nodePrimitives } from '../../../src/base/hash.ts'
import { buildReceipt, verifyLog, type LogFiles } from '../../../src/evidence/receipt/index.ts'
import { treePaths } from '../../../src/evidence/ledger/index.ts'
import { aSigner, publish, signedCheckpoint, someEntries, writeTree } from '../../evidence/receipt/a-log.ts'
import { applyEdits, copyOf, somePrograms, type Folder } from '../edits.ts'
import { demand, endingLater, sameBytes, type Target } from '../target.ts'

const signer = aSigner()
const entries = someEntries(signer, 600, { headEvery: 100 })
const honest = new Map([...publish(signer, entries).files].map(([path, bytes]) => [path, Buffer.from(bytes)]))
const since = signedCheckpoint(signer, 300, writeTree(new Map(), entries.slice(0, 300)).root)
const stranger = new Map(
  [...publish(aSigner(), someEntries(signer, 600)).files].map(([path, bytes]) => [path, Buffer.from(bytes)]),
)

function filesOf(folder: Folder): LogFiles {
  return { read: async (path) => folder.get(path) }
}

/** A whole published log that somebody has changed: it verifies only where every file of the signed tree is as it was. */
export const publishedLogTarget: Target = {
  name: 'published-log',
  seeds: () => somePrograms(3, 52),
  async run(input) {
    const folder = copyOf(honest)
    applyEdits(input, folder, stranger)
    const files = filesOf(folder)
    const note = input.length % 2 === 0 ? {} : { since }
    const receipt = await endingLater(
      () => buildReceipt(files, (input[0] ?? 0) * 3, { primitives: nodePrimitives }),
      () => undefined,
      ['LEDGER_NOT_FOUND', 'ENTRY_NOT_FOUND', 'LEDGER_CORRUPT', 'RECEIPT_INVALID'],
    )
    return endingLater(
      () => verifyLog(files, { vkey: signer.vkey, primitives: nodePrimitives, ...note }),
      ({ ok, problems, size }) => {
        demand(ok === (problems.length === 0), 'a log is called sound that has problems')
        if (!ok) return `problems ${[...new Set(problems.map(({ code }) => code))].join()} ${receipt.slice(0, 20)}`
        demand(size === entries.length, 'another log was believed')
        for (const path of treePaths(size)) {
          const [is, was] = [folder.get(path), honest.get(path)]
          demand(is !== undefined && was !== undefined && sameBytes(is, was), `a changed \`${path}\` was believed`)
        }
        demand(receipt.startsWith('ok') || receipt.startsWith('ENTRY_NOT_FOUND'), 'a sound log gives no receipt')
        return 'ok'
      },
      ['LEDGER_NOT_FOUND', 'NOTE_INVALID'],
    )
  },
}
