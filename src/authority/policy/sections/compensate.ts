import { canonicalBytes } from '../../../base/canonical-json.ts'
import { isKernelError } from '../../../base/errors.ts'
import { parseJson, type JsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import { readTemplate, type Template } from '../../../base/template.ts'
import type { Findings } from '../findings.ts'
import { quoted, type Node } from '../node.ts'
import { jsonMap, optional, record, required, text, textLike, type Placed, type Reader } from '../shape.ts'
import type { Compensation } from '../types.ts'

const action = textLike(
  'an action',
  /^[a-z][a-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)+$/,
  'the one name of one, as `net.http`',
)

const resourceText = text('`resource`')

/** What a value that is filled in must not decide: the host, or where a path begins. */
const resource: Reader<string> = (node, findings) => {
  const value = resourceText(node, findings)
  const template = value === undefined ? undefined : templateOf(value, node, findings)
  if (value === undefined || template === undefined) return undefined
  const [first = '', ...rest] = template
  if (typeof first !== 'string') {
    if (first.root === 'resource') return value
    const help = 'write where it leads out, or begin with `${resource}`'
    return findings.problem(node.at, 'template', `${quoted(value)} lets a value decide where it leads; ${help}`)
  }
  if (rest.length === 0 || !first.includes('://') || /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+\//i.test(first)) return value
  const help = 'write the host out, with the `/` behind it'
  return findings.problem(node.at, 'template', `${quoted(value)} lets a value decide its host; ${help}`)
}

const jsonParams = jsonMap('`params`', { isStrict: false })

const params: Reader<JsonObject> = (node, findings) => {
  const value = jsonParams(node, findings)
  checkTexts(node, findings)
  return value
}

function checkTexts(node: Node, findings: Findings): void {
  if (node.kind === 'map') for (const { value } of node.members) checkTexts(value, findings)
  else if (node.kind === 'list') for (const item of node.items) checkTexts(item, findings)
  else if (typeof node.value === 'string') checkText(node.value, node, findings)
}

function checkText(value: string, node: Node, findings: Findings): void {
  const template = templateOf(value, node, findings)
  if (template === undefined || isJson(value)) return
  const bare = template.map((part) => (typeof part === 'string' ? part : '0')).join('')
  if (template.length > 1 && isJson(bare)) {
    const help = 'put the reference in quotes: alone in them, the value itself stands there'
    findings.problem(node.at, 'template', `${quoted(value)} is JSON that a value could change; ${help}`)
  }
}

function isJson(value: string): boolean {
  if (!/^\s*[{[]/.test(value)) return false
  try {
    parseJson(value)
    return true
  } catch (error) {
    if (isKernelError(error, 'JSON_INVALID')) return false
    throw error
  }
}

function templateOf(value: string, node: Node, findings: Findings): Template | undefined {
  const reading = readTemplate(value)
  if ('template' in reading) return reading.template
  const where = reading.offset > 0 ? ` at character ${reading.offset + 1} of it` : ''
  return findings.problem(node.at, 'template', `${quoted(value)} cannot be filled in${where}: ${reading.problem}`)
}

const fields = record<Compensation & Placed>('`compensate`', {
  action: required(action),
  resource: required(resource),
  params: optional(params),
})

/** The request that takes back what a rule permits. */
export const compensate: Reader<Compensation> = (node, findings) => {
  const value = fields(node, findings)
  if (value === undefined) return undefined
  const { at, ...given } = value
  // Each request that the rule permits keeps it.
  const sizeBytes = canonicalBytes(given as unknown as JsonObject).length
  if (sizeBytes <= limits.compensateBytes) return given
  const message = `\`compensate\` takes ${sizeBytes} bytes and at most ${limits.compensateBytes} fit; shorten it`
  return findings.problem(at, 'too_large', message)
}
