import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import { checkPolicy, type PolicyProblem, type Surroundings } from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import { readPolicyText } from '../../kernel/policy-source.ts'
import { providersOfCli } from '../cli-providers.ts'
import { exitCodes } from '../exit-code.ts'
import { textLines } from '../render/layout.ts'
import type { Paint } from '../render/paint.ts'
import type { World } from '../world.ts'

/** Says all that is wrong with a policy file, with line and column. */
export function policyCheck(world: World, given: string | undefined): number {
  const { terminal, places } = world
  const file = given === undefined ? places.policy : resolve(given)
  const options = { file, baseDirectory: dirname(file) }
  const { digest, problems, warnings } = checkPolicy(readPolicyText(file), options, surroundingsOf(world))
  const ok = problems.length === 0
  const graded = { problems: problems.map(asError), warnings: warnings.map(asWarning) }
  if (terminal.isJson) terminal.json({ ok, digest, ...graded })
  else terminal.say(...lines({ file: given ?? file, ok, digest, problems, warnings }, terminal.paint))
  return ok ? exitCodes.ok : exitCodes.usage
}

const asError = (problem: PolicyProblem): object => ({ ...problem, severity: 'error' })
const asWarning = (problem: PolicyProblem): object => ({ ...problem, severity: 'warning' })

function surroundingsOf({ places, environment }: World): Surroundings {
  const actions = providersOfCli().flatMap((provider) =>
    Object.entries(provider.actions).map(([name, { kind }]) => [name, kind] as const),
  )
  return {
    actions: new Map(actions),
    home: resolve(environment['HOME'] || homedir()),
    ownFolders: [places.dataDir, places.keysDir],
    exists: existsSync,
  }
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
