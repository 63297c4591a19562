/**
 * The main job of Kestrel in a minute: an agent works on a folder through the gate, every attempt is in the log, anyone can
 * verify the log, and nobody can change it unnoticed. Needs no key and no network. Run it with `npm run demo`.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createKernel, isKernelError, type Kernel, type Outcome } from 'kestrel-kernel'
import { logFiles, openLog } from 'kestrel-kernel/ledger'
import { filesystem, functions } from 'kestrel-kernel/providers'
import { verifyLog } from 'kestrel-kernel/receipt'
import { mischief, work, type Step } from './script.ts'
import { assert, bad, good, quiet, say, tell, title } from './stage.ts'
import { tamperings, verifyTampered } from './tampering.ts'

interface Places {
  readonly root: string
  readonly policy: string
  readonly dataDir: string
  readonly keysDir: string
  readonly ledger: string
}

/** A copy to play with: nothing in the checkout changes. */
function copyWorkspace(): Places {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-demo-'))
  mkdirSync(join(root, 'workspace', 'output'), { recursive: true })
  for (const name of ['workspace', 'beside', 'policy.yaml']) {
    cpSync(join(import.meta.dirname, name), join(root, name), { recursive: true, verbatimSymlinks: true })
  }
  cpSync(join(root, 'workspace', 'logo.png'), join(root, 'workspace', 'output', 'logo.png'))
  const dataDir = join(root, '.kestrel')
  const keysDir = join(root, 'keys')
  return { root, policy: join(root, 'policy.yaml'), dataDir, keysDir, ledger: join(dataDir, 'ledger') }
}

/** A function as anyone writes it: it knows nothing of Kestrel. */
function sumBy({ csv, column }: { csv: string; column: string }): Record<string, number> {
  const [header = '', ...rows] = csv.trim().split('\n')
  const names = header.split(',')
  const sums: Record<string, number> = {}
  for (const row of rows.map((line) => line.split(','))) {
    const key = row[names.indexOf(column)] ?? ''
    sums[key] = (sums[key] ?? 0) + Number(row[names.indexOf('revenue')])
  }
  return sums
}

async function carryOut(kernel: Kernel, steps: readonly Step[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { request, about, ends, because, as = { id: 'alice', roles: ['analyst'] } } of steps) {
    const outcome = await kernel.as(as).submit(request)
    tell(outcome, about)
    assert(outcome.status === ends, `${about}: it ended ${outcome.status}, not ${ends}`)
    assert(outcome.reason?.code === because, `its reason is ${outcome.reason?.code}, not ${because}`)
    outcomes.push(outcome)
  }
  return outcomes
}

async function letAgentWork(places: Places): Promise<{ vkey: string; deniedSeq: number }> {
  const { policy, dataDir, keysDir, root } = places
  const providers = [filesystem(), functions({ sum_by: sumBy })]
  await using kernel = await createKernel({ policy, dataDir, keysDir, providers })
  const csv = readFileSync(join(root, 'workspace', 'sales.csv'), 'utf8')
  const report = `# Revenue by region\n\n${Object.entries(sumBy({ csv, column: 'region' }))
    .map(([name, sum]) => `- ${name}: ${sum}\n`)
    .join('')}`

  title('1  An agent does its work. Each step is a request to the gate, and policy.yaml decides.')
  await carryOut(kernel, work(csv, report))
  assert(
    readFileSync(join(root, 'workspace', 'output', 'report.md'), 'utf8') === report,
    'the report is not on the disk',
  )

  title('2  It overwrites a picture by mistake. An operator undoes that, as one more request to the gate.')
  await undoMistake(kernel, join(root, 'workspace', 'output', 'logo.png'))

  title('3  A comment hidden in notes.md tells it to go further. It can ask; it cannot do.')
  const [first] = await carryOut(kernel, mischief(csv))
  assert(readFileSync(join(root, 'workspace', 'sales.csv'), 'utf8') === csv, 'a refused write changed a file')
  return { vkey: kernel.vkey, deniedSeq: first?.seq ?? -1 }
}

/** An image of the old file was sealed before the write, so every byte of it comes back. */
async function undoMistake(kernel: Kernel, picture: string): Promise<void> {
  const before = readFileSync(picture)
  const [mistake] = await carryOut(kernel, [
    {
      request: {
        action: 'fs.write',
        resource: '/workspace/output/logo.png',
        params: { content: 'a sketch of a nicer picture' },
      },
      about: 'the picture is gone',
      ends: 'ok',
    },
  ])
  assert(mistake?.undo !== undefined, 'the write cannot be undone')
  assert(!readFileSync(picture).equals(before), 'the write changed nothing')
  const undone = await kernel.operator({ id: 'olga', roles: ['operator'] }).undo(mistake.seq)
  tell(undone, `olga undoes entry ${mistake.seq}: all ${before.length} bytes are back`)
  assert(undone.status === 'ok' && readFileSync(picture).equals(before), 'the picture did not come back')
}

async function audit(places: Places, vkey: string): Promise<void> {
  title('4  Every attempt is in the log, refused or not. An auditor verifies a copy of it with one public key.')
  const copy = join(places.root, 'copy-for-the-auditor')
  cpSync(places.ledger, copy, { recursive: true })
  const { ok, size, root, problems } = await verifyLog(logFiles(copy), { vkey })
  assert(ok && problems.length === 0, `the log does not verify: ${problems.map(({ message }) => message).join('; ')}`)
  const counts = new Map<string, number>()
  for await (const { bytes } of (await openLog(copy)).entries()) {
    const { outcome } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { outcome?: { status: string } }
    if (outcome !== undefined) counts.set(outcome.status, (counts.get(outcome.status) ?? 0) + 1)
  }
  good(
    `verified: ${size} entries (${[...counts].map(([status, count]) => `${count} ${status}`).join(', ')}), none edited, dropped or moved`,
  )
  say(quiet(`  key   ${vkey}`), quiet(`  root  ${root}`))
}

async function tamper(places: Places, vkey: string, deniedSeq: number): Promise<void> {
  title('5  Somebody who can write to the folder changes history. Three ways, in copies:')
  for (const [number, tampering] of tamperings(deniedSeq).entries()) {
    const copy = join(places.root, `tampered-${number + 1}`)
    const { ok, problems } = await verifyTampered(places.ledger, copy, tampering, vkey)
    assert(!ok, `${tampering.says}, and nobody noticed`)
    bad(tampering.says)
    for (const { code, seq, file, message } of problems.slice(0, 3)) {
      say(
        `    ${code}${seq === undefined ? '' : ` at entry ${seq}`}${file === undefined ? '' : ` in ${file}`}: ${message}`,
      )
    }
    rmSync(copy, { recursive: true })
  }
}

function suggestNext(places: Places, vkey: string, deniedSeq: number): void {
  const linked = join('node_modules', '.bin', 'kestrel')
  const checkout = join(import.meta.dirname, '..', '..')
  const kestrel = existsSync(join(checkout, linked)) ? linked : `node ${join('dist', 'cli', 'bin.js')}`
  const where = relative(checkout, process.cwd()) === '' ? '' : quiet(`  (from ${checkout})`)
  title(`Next${where}`)
  say(
    `${kestrel} log --data-dir ${places.dataDir}`,
    `${kestrel} explain ${deniedSeq} --data-dir ${places.dataDir} --policy ${places.policy}`,
    `${kestrel} verify ${places.ledger} --vkey ${vkey}`,
    '',
    quiet(`All of it lies in ${places.root}; remove the folder when you are done.`),
  )
}

try {
  const places = copyWorkspace()
  const { vkey, deniedSeq } = await letAgentWork(places)
  await audit(places, vkey)
  await tamper(places, vkey, deniedSeq)
  suggestNext(places, vkey, deniedSeq)
} catch (error) {
  console.error(isKernelError(error) ? `kestrel: ${error.message}` : error)
  process.exitCode = 1
}
