import { execFileSync } from 'node:child_process'
import { protect } from '../../src/effects/protection.ts'
import { filesystem, type Answer } from '../../src/effects/providers/index.ts'
import { noContents } from './a-host.ts'
import type { Errand } from './elsewhere.ts'

// Run by `elsewhere.ts` in a process of its own: carries out an errand and prints the answers.
const { folder, own = [], before = [], acts } = JSON.parse(process.argv[2] ?? '') as Errand
for (const [program, ...args] of before) execFileSync(program, args)
const { actions } = filesystem()
const protection = protect(own)
const answers: (Answer | undefined)[] = []
for (const [action, resource, params = {}] of acts) {
  const { signal } = new AbortController()
  answers.push(
    await actions[action]?.perform({
      action,
      resource,
      params,
      mounts: new Map([['/w', folder]]),
      protection,
      signal,
      network: 'public',
      judge: () => ({ network: 'public' }),
      contents: noContents,
      report: () => undefined,
    }),
  )
}
process.stdout.write(JSON.stringify(answers))
