import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeBundle, encodeBundle, entriesPath, logFiles } from 'kestrel-kernel/ledger'
import { verifyLog, type Verification } from 'kestrel-kernel/receipt'

/** A way to falsify a log of fewer than 256 entries, in a copy of its folder. */
export interface Tampering {
  readonly says: string
  apply(folder: string): void
}

/** @param seq the entry that somebody would rather not have in the log */
export function tamperings(seq: number): readonly Tampering[] {
  return [
    {
      says: `entry ${seq} is edited: \`denied\` becomes \`ok\``,
      apply: (folder) =>
        changeEntries(folder, (entries) => {
          const text = Buffer.from(entries[seq] ?? []).toString('utf8')
          entries[seq] = Buffer.from(text.replace('"status":"denied"', '"status":"ok"'))
        }),
    },
    {
      says: 'the last three entries are dropped, and the checkpoint says so',
      apply: (folder) => {
        changeEntries(folder, (entries) => entries.splice(-3))
        const file = join(folder, 'checkpoint')
        const lines = readFileSync(file, 'utf8').split('\n')
        lines[1] = String(Number(lines[1]) - 3)
        writeFileSync(file, lines.join('\n'))
      },
    },
    {
      says: `entries ${seq} and ${seq + 1} change places`,
      apply: (folder) =>
        changeEntries(folder, (entries) => entries.splice(seq, 2, ...entries.slice(seq, seq + 2).reverse())),
    },
  ]
}

/** Verifies a falsified copy as an auditor would: with a key that lies elsewhere. */
export async function verifyTampered(
  ledger: string,
  copy: string,
  tampering: Tampering,
  vkey: string,
): Promise<Verification> {
  cpSync(ledger, copy, { recursive: true })
  tampering.apply(copy)
  return verifyLog(logFiles(copy), { vkey })
}

function changeEntries(folder: string, change: (entries: Uint8Array[]) => void): void {
  const partials = join(folder, 'tile', 'entries', '000.p')
  const width = Math.max(...readdirSync(partials).map(Number))
  const entries = [...decodeBundle(readFileSync(join(folder, entriesPath(0, width))))]
  change(entries)
  rmSync(join(partials, String(width)))
  writeFileSync(join(folder, entriesPath(0, entries.length)), encodeBundle(entries))
}
