import type { JsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import { demand } from './demand.ts'
import { frozenCopy, type ActionCase, type Subject } from './sample.ts'

/** How an action reads what a caller names and sends. */
export const readingCases: readonly ActionCase[] = [
  { name: 'reads every resource to one canonical form or a problem', check: readsResources },
  { name: 'checks params at once, strictly, without repeating them', check: checksParams },
]

const canary = 'canary-7f3a'

/** Spellings that have misled programs before; also what a caller may send by mistake. */
const oddResources: readonly string[] = [
  '', '/', '.', '..', '../..', '/..', '/a/../../b', '//a//b/', '/a/./b/', 'a//b', 'a/../b', '/a\0b', `/${canary}\0`, '/\ud800', '~/x',
  '/%2e%2e/x', '/．．/x', '/a\nb', '/a\u001b[31m', '/\u202eb', 'https://u:p@h/a?b#c', 'file:///etc/passwd', `/${'a'.repeat(300)}`,
  `/${'a/'.repeat(4000)}`, '__proto__', 'constructor', '/\\..\\x', ' ', '\t', '*', '**',
] // prettier-ignore

function readsResources({ definition, sample }: Subject): void {
  for (const raw of [sample.resource, ...oddResources]) {
    const shown = JSON.stringify(raw.slice(0, 40))
    const reading = definition.readResource(raw)
    const again = definition.readResource(raw)
    demand(!(reading instanceof Promise), '`readResource` must be synchronous')
    demand(JSON.stringify(reading) === JSON.stringify(again), `${shown} is read differently each time`)
    if ('problem' in reading) {
      demand(
        reading.problem !== '' && !reading.problem.includes(canary),
        `${shown}: the problem is empty or repeats the text`,
      )
      demand(raw !== sample.resource, 'the resource of the sample is refused')
      continue
    }
    const { canonical } = reading
    demand(typeof canonical === 'string' && canonical !== '', `${shown} has an empty canonical form`)
    demand(canonical.isWellFormed() && !canonical.includes('\0'), `${shown}: the canonical form is not clean text`)
    demand(Buffer.byteLength(canonical) <= limits.resourceBytes, `${shown}: the canonical form is too long`)
    const twice = definition.readResource(canonical)
    demand(
      'canonical' in twice && twice.canonical === canonical,
      `${shown}: its canonical form has another canonical form`,
    )
  }
}

function checksParams({ definition, sample }: Subject): void {
  const { checkParams } = definition
  if (checkParams === undefined) return
  const params = frozenCopy(sample.params ?? {})
  demand(checkParams(params) === undefined, 'the params of the sample are refused')
  const odd: JsonObject[] = [
    { ...params, kestrel_unknown_param: canary },
    frozenCopy(JSON.parse('{"__proto__": {"a": 1}}') as JsonObject),
  ]
  for (const name of Object.keys(params)) {
    for (const value of [null, { [canary]: canary }, [canary]]) odd.push({ ...params, [name]: value })
  }
  for (const [index, wrong] of odd.entries()) {
    const problem: unknown = checkParams(frozenCopy(wrong))
    demand(problem === undefined || (typeof problem === 'string' && problem !== ''), 'a problem must be a text')
    demand(index > 0 || problem !== undefined, 'an unknown param is let through')
    demand(problem === undefined || !(problem as string).includes(canary), 'the problem repeats a value')
  }
}
