import { posix } from 'node:path'
import type { Surroundings } from './check-options.ts'
import { coversAction } from './covering.ts'
import type { Findings } from './findings.ts'
import type { Place } from './node.ts'
import { compilePattern, matchesPattern, type Pattern } from './pattern.ts'
import type { RuleBook } from './rule-book.ts'
import type { Rule } from './rule.ts'

/** A mount with the place of its line. */
interface Mount {
  readonly name: string
  readonly folder: string
  readonly at: Place
}

/** Folders by which whoever may change them gets others to run what they wrote, or reads keys. */
const neighbours: readonly { readonly name: string; readonly inside: string; readonly why: string }[] = [
  { name: '.git', inside: 'hooks/pre-commit', why: 'its hooks run as whoever uses git there' },
  { name: '.ssh', inside: 'id_ed25519', why: 'it holds keys' },
  { name: 'node_modules/.bin', inside: 'x', why: 'what lies there runs under the names of tools' },
]

/** Warns of mounts, and of rules over them, that reach what lies around a workspace. */
export function warnOfNeighbours(
  mounts: ReadonlyMap<string, string>,
  placeOf: (mount: string) => Place,
  book: RuleBook,
  surroundings: Surroundings & { readonly policyFolder: string },
  findings: Findings,
): void {
  for (const [name, folder] of mounts) {
    const mount: Mount = { name, folder, at: placeOf(name) }
    if (warnOfMount(mount, surroundings, findings)) continue
    warnOfPolicyFolder(mount, book, surroundings, findings)
    warnOfReached(mount, book, surroundings, findings)
  }
}

/** What a mount exposes by its place alone. */
function warnOfMount({ name, folder, at }: Mount, { home, ownFolders }: Surroundings, findings: Findings): boolean {
  const tell = (code: string, what: string): boolean => {
    findings.warning(at, code, `\`${name}\` mounts ${what}; mount a folder of the workspace alone`)
    return true
  }
  if (folder === '/') return tell('mount_root', 'the whole machine')
  if (holds(folder, home))
    return tell('mount_home', folder === home ? 'your home folder' : 'what holds your home folder')
  const segments = `${folder}/`
  const neighbour = neighbours.find((each) => segments.includes(`/${each.name}/`))
  if (neighbour !== undefined) return tell('mount_neighbour', `a \`${neighbour.name}\` folder: ${neighbour.why}`)
  const own = ownFolders.find((each) => holds(each, folder) || holds(folder, each))
  return (
    own !== undefined &&
    tell('mount_own', `\`${own}\`, or a part of it, which is Kestrel's own and which no action may touch`)
  )
}

function warnOfPolicyFolder(
  { name, folder, at }: Mount,
  book: RuleBook,
  { policyFolder, actions }: Surroundings & { readonly policyFolder: string },
  findings: Findings,
): void {
  if (!holds(folder, policyFolder)) return
  const below = posix.relative(folder, policyFolder)
  const probe = posix.join(name, below, 'package.json')
  const rule = ruleFor(book, changing(actions), probe)
  if (rule === undefined) return
  const help = 'mount a folder beside it, or let the rule name one'
  findings.warning(
    at,
    'policy_folder_writable',
    `\`${rule.id}\` may change what lies beside the policy file, as settings of tools that run; ${help}`,
  )
}

function warnOfReached(
  { name, folder, at }: Mount,
  book: RuleBook,
  { actions, exists }: Surroundings,
  findings: Findings,
): void {
  for (const { name: neighbour, inside, why } of neighbours) {
    if (!exists(posix.join(folder, neighbour))) continue
    const probe = posix.join(name, neighbour, inside)
    const rule = ruleFor(book, neighbour === '.ssh' ? [...actions.keys()] : changing(actions), probe)
    if (rule === undefined) continue
    const help = `deny it: { action: fs.*, resource: "${name}/${neighbour}/**" }`
    findings.warning(
      rule.at.line > 0 ? rule.at : at,
      'reaches_neighbour',
      `\`${rule.id}\` reaches \`${name}/${neighbour}\`, and ${why}; ${help}`,
    )
  }
}

function changing(actions: Surroundings['actions']): readonly string[] {
  return [...actions].flatMap(([name, kind]) => (kind === 'mutate' && name.startsWith('fs.') ? [name] : []))
}

/** An allow rule by which one of `actions` gets at `resource`, and that no deny rule keeps from it for everyone. */
function ruleFor(book: RuleBook, actions: readonly string[], resource: string): Rule | undefined {
  const files = actions.filter((name) => name.startsWith('fs.'))
  return book.rules.find(
    (rule) =>
      rule.effect === 'allow' &&
      matchesPattern(rule.resource, resource) &&
      files.some((action) => matchesPattern(rule.action, action) && !isForbidden(book, action, resource)),
  )
}

function isForbidden(book: RuleBook, action: string, resource: string): boolean {
  return book.rules.some(
    ({ effect, who, constraint, when, ...rule }) =>
      effect === 'deny' &&
      who === undefined &&
      constraint === undefined &&
      when === undefined &&
      coversAction(rule.action, literal(action)) &&
      matchesPattern(rule.resource, resource),
  )
}

function literal(value: string): Pattern {
  const reading = compilePattern(value)
  return 'pattern' in reading ? reading.pattern : { kind: 'literal', text: value, value }
}

/** Whether `inner` is `outer` or lies below it. */
function holds(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`)
}
