/**
 * Run as a process of its own, to be killed: `ROOT SEED ROUND PLAN`. Opens a kernel, asks what the round's numbers say, closes,
 * and prints one line for each thing that the parent may rely on: `started`, `ready`, `answer JSON`, `end CHANGES`.
 */
import { tapFiles } from './file-tap.ts'
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import type { KillPlan } from './kill-plan.ts'
import { openKernelIn } from './small-kernel.ts'
import { asksOf, type Ask } from './workload.ts'

const [root = '', seed = '', round = '', planJson = ''] = process.argv.slice(2)
const plan = JSON.parse(planJson) as KillPlan
let changes = 0
let effects = 0

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('a killed process went on')
}

/** One write a line: a line is an acknowledgement, whole or not there. */
function say(line: string): void {
  writeSync(1, `${line}\n`)
}

tapFiles(join(root), {
  before(change, partly) {
    changes++
    if (plan.is === 'stop' && changes === plan.number) {
      say('stopped')
      process.kill(process.pid, 'SIGSTOP')
    }
    if (plan.is !== 'change' || changes !== plan.number || plan.when === 'after') return
    if (plan.when === 'half') partly()
    if (change.is === 'write' || plan.when === 'before') die()
  },
  after() {
    if (plan.is === 'change' && changes >= plan.number) die()
  },
})

async function lane(asks: readonly Ask[]): Promise<void> {
  for (const { name, principal, request } of asks) {
    const handle = kernel.as({ id: principal.id })
    const isTwice = request.idempotencyKey !== undefined && request.idempotencyKey.length % 2 === 0
    const [outcome, again] = await Promise.all([handle.submit(request), isTwice ? handle.submit(request) : undefined])
    say(`answer ${JSON.stringify({ name, outcome })}`)
    if (again !== undefined) say(`answer ${JSON.stringify({ name, outcome: again })}`)
  }
}

say('started')
const kernel = await openKernelIn(root, (when) => {
  if (when === 'before') effects++
  if (plan.is === 'effect' && plan.number === effects && plan.when === when) die()
})
say('ready')
await Promise.all(asksOf(Number(seed), Number(round)).map(lane))
await kernel.close()
say(`end ${changes}`)
