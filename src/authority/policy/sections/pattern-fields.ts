import type { Findings } from '../findings.ts'
import { quoted, type Node } from '../node.ts'
import { compilePattern, type Pattern } from '../pattern.ts'
import { text, type Reader } from '../shape.ts'

const readText = text('a pattern')

export const resourcePattern: Reader<Pattern> = (node, findings) => {
  const value = readText(node, findings)
  if (value === undefined) return undefined
  const pattern = compiled(value, node, findings)
  if (pattern !== undefined) warnAboutUrl(value, node, findings)
  return pattern
}

const actionText = /^[A-Za-z0-9_.*?[\]!^-]+$/

export const actionPattern: Reader<Pattern> = (node, findings) => {
  const value = readText(node, findings)
  if (value === undefined) return undefined
  if (actionText.test(value)) return compiled(value, node, findings)
  const help = 'an action is named `namespace.verb`, as `fs.read`, and `fs.*` means all of them'
  return findings.problem(node.at, 'pattern', `${quoted(value)} is no pattern of actions: ${help}`)
}

function compiled(value: string, node: Node, findings: Findings): Pattern | undefined {
  const reading = compilePattern(value)
  if ('pattern' in reading) return reading.pattern
  return findings.problem(node.at, 'pattern', `${quoted(value)} is no pattern: ${reading.problem}`)
}

/** What can never match, or matches more hosts than it seems to. Resources of `net.http` are canonical URLs. */
function warnAboutUrl(value: string, node: Node, findings: Findings): void {
  const [, host, rest] = /^https?:\/\/([^/]*)(.*)$/s.exec(value) ?? []
  if (host === undefined || host === '**') return
  if (rest === '') {
    findings.warning(
      node.at,
      'url_without_path',
      `${quoted(value)} matches no URL, for each has a path; write ${quoted(`${value}/**`)}`,
    )
  } else if (host !== host.toLowerCase()) {
    findings.warning(
      node.at,
      'url_host_case',
      `hosts are compared in lower case; write ${quoted(value.replace(host, host.toLowerCase()))}`,
    )
  } else if (/[*?\]]$/.test(host)) {
    findings.warning(
      node.at,
      'url_open_host',
      `the host of ${quoted(value)} ends in a wildcard, so anyone's domain can match; end it with the domain`,
    )
  }
}
