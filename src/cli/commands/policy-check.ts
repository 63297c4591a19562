import { dirname, resolve } from 'node:path'
import { checkPolicy, type PolicyProblem } from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import { readPolicyText } from '../../kernel/policy-source.ts'
import { exitCodes } from '../exit-code.ts'
import { textLines } from '../render/layout.ts'
import type { Paint } from '../render/paint.ts'
import type { World } from '../world.ts'

/** Says all that is wrong with a policy file, with line and column. */
export function policyCheck({ terminal, places }: World, given: string | undefined): number {
  const file = given === undefined ? places.policy : resolve(given)
  const { digest, problems, warnings } = checkPolicy(readPolicyText(file), { file, baseDirectory: dirname(file) })
  const ok = problems.length === 0
  if (terminal.isJson) terminal.json({ ok, digest, problems, warnings })
  else terminal.say(...lines({ file: given ?? file, ok, digest, problems, warnings }, terminal.paint))
  return ok ? exitCodes.ok : exitCodes.usage
}

interface Checked {
  readonly file: string
  readonly ok: boolean
  readonly digest: string
  readonly problems: readonly PolicyProblem[]
  readonly warnings: readonly PolicyProblem[]
}

function lines({ file, ok, digest, problems, warnings }: Checked, paint: Paint): string[] {
  const head = ok ? `${paint.good(paint.strong('loads'))}  ` : `${paint.bad(paint.strong('does not load'))}  `
  return [
    `${head}${visible(file)}${ok ? `  ${paint.quiet(`sha256 ${digest}`)}` : ''}`,
    ...problems.map((problem) => problemLine(problem, file, paint.bad('error'))),
    ...warnings.map((problem) => problemLine(problem, file, paint.wait('warning'))),
  ]
}

/** As compilers write it, so that editors and terminals can jump there. */
export function problemLine({ line, column, message }: PolicyProblem, file: string, kind: string): string {
  return `  ${visible(file)}:${line}:${column}: ${kind}: ${textLines(message).join(' ')}`
}
