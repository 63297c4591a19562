import type { ActionKinds } from './check-options.ts'
import type { Findings } from './findings.ts'
import { matchesPattern, type Pattern } from './pattern.ts'
import type { RuleBook } from './rule-book.ts'
import type { Rule } from './rule.ts'

/** Warns of allow rules that reach further than their author may think. */
export function warnOfReach(book: RuleBook, actions: ActionKinds, findings: Findings): void {
  for (const rule of book.rules) {
    if (findings.warned) return
    warnOfNames(rule, actions, findings)
    if (rule.effect === 'deny') continue
    warnOfBreadth(rule, actions, findings)
    if (matchesPattern(rule.action, 'net.http')) warnOfWeb(rule, findings)
    if (rule.action.text === 'proc.exec') warnOfPrograms(rule, findings)
  }
}

const everything: ReadonlySet<string> = new Set(['**', '*', '/**', '**/*', '/**/*', '*/**'])

function warnOfBreadth({ id, at, action, resource }: Rule, actions: ActionKinds, findings: Findings): void {
  if (!everything.has(resource.text)) return
  if (action.kind !== 'literal') {
    const help = 'list the actions that are meant, or the resources'
    findings.warning(at, 'broad_action', `\`${id}\` allows \`${action.text}\` on everything; ${help}`)
  } else if (actions.get(action.value) === 'mutate' && action.value !== 'net.http' && action.value !== 'proc.exec') {
    const help = 'name the folder that it may change, as `/workspace/output/**`'
    findings.warning(at, 'broad_resource', `\`${id}\` lets \`${action.value}\` change everything; ${help}`)
  }
}

/** Actions that no provider has, in a namespace that one has; and names that are a principal's and a role's at once. */
function warnOfNames({ id, at, action, who }: Rule, actions: ActionKinds, findings: Findings): void {
  const namespace = /^[a-z][a-z0-9_-]*(?=\.)/.exec(action.text)?.[0]
  const names = [...actions.keys()]
  const rivals = names.filter((name) => name.startsWith(`${namespace}.`))
  if (rivals.length > 0 && !names.some((name) => matchesPattern(action, name))) {
    const known = rivals.map((name) => `\`${name}\``).join(', ')
    findings.warning(
      at,
      'unknown_action',
      `no provider has an action \`${action.text}\`, so \`${id}\` never applies; there are ${known}`,
    )
  }
  const role = who?.find(
    ({ kind, name }) => kind === 'role' && who.some((each) => each.kind !== 'role' && each.name === name),
  )
  if (role !== undefined) {
    const help = 'keep the one that is meant'
    findings.warning(at, 'who_id_and_role', `\`${id}\` names \`${role.name}\` as a role and as an id; ${help}`)
  }
}

function warnOfWeb({ id, at, action, resource, obligations }: Rule, findings: Findings): void {
  const host = hostOf(resource)
  if (host === 'any' && action.kind === 'literal') {
    const help = 'name the host, as `https://api.example.com/**`'
    findings.warning(at, 'any_host', `\`${id}\` lets \`net.http\` reach every host; ${help}`)
  }
  if (obligations.network === 'private' && host !== 'literal') {
    const help = 'name the host, for every address of this machine and its network answers to some name'
    findings.warning(
      at,
      'private_any_host',
      `\`${id}\` opens private addresses under hosts that it does not name; ${help}`,
    )
  }
}

function hostOf({ kind, text }: Pattern): 'literal' | 'some' | 'any' {
  if (kind === 'any' || everything.has(text)) return 'any'
  const [, scheme = '', host = ''] = /^([^/]*):\/\/([^/]*)/.exec(text) ?? []
  if (scheme === '') return /^[*?[]/.test(text) ? 'any' : 'some'
  if (/^[*?[\]]*$/.test(host.replace(/:\d+$/, ''))) return 'any'
  return /(?<!\\)[*?]/.test(host) || /[*?]/.test(scheme) ? 'some' : 'literal'
}

/** Programs that run whatever their arguments, their input or a file says. */
const interpreters =
  /^(?:(?:ba|da|z|k|c|tc|fi|a)?sh|busybox|env|python[0-9.]*|pypy[0-9.]*|node|nodejs|deno|bun|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*|lua[0-9.]*|tclsh|expect|java|groovy|osascript|pwsh|g?awk|mawk|sed|xargs|find|git|make|npm|npx|pnpm|yarn|pip[0-9.]*|uv|cargo|go|docker|podman|ssh|sudo|su|doas|nohup|timeout|nice|setsid|strace|gdb|vim?|emacs|tar|rsync|systemd-run)$/
const samples = ['sh', '/bin/sh', '/usr/bin/env', '/usr/local/bin/node', '/usr/bin/python3', '/usr/bin/bash']

function warnOfPrograms({ id, at, resource, constraint, when }: Rule, findings: Findings): void {
  const isBound =
    (constraint !== undefined && Object.hasOwn(constraint, 'args')) || /\bparams\.args\b/.test(when?.text ?? '')
  if (isBound) return
  const help = 'write the arguments out, as `constraint: { args: ["--version"] }`'
  if (resource.kind === 'literal') {
    const name = resource.value.slice(resource.value.lastIndexOf('/') + 1)
    if (interpreters.test(name)) {
      findings.warning(
        at,
        'open_interpreter',
        `\`${id}\` runs \`${name}\` with any arguments, and by them any program; ${help}`,
      )
    }
  } else if (resource.kind === 'any' || samples.some((sample) => matchesPattern(resource, sample))) {
    findings.warning(
      at,
      'any_program',
      `\`${id}\` runs programs that it does not name, interpreters among them; ${help}, and the program`,
    )
  }
}
