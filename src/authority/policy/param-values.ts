import { canonicalJson } from '../../base/canonical-json.ts'
import { parseJson, type JsonObject, type JsonValue } from '../../base/json.ts'
import { visibleYaml, yamlKey, yamlText } from './yaml-text.ts'

/** A value of a param as canonical JSON; `unsent`; or `unknown`, where the params cannot be read. None is the other's JSON. */
export type ParamValue = string

export function valueOf(params: JsonObject | undefined, name: string): ParamValue {
  if (params === undefined) return 'unknown'
  const value = Object.hasOwn(params, name) ? params[name] : undefined
  return value === undefined ? 'unsent' : canonicalJson(value)
}

/** Values that one rule writes out: the engine of conditions bounds their depth. */
const valuesPerRule = 16
/** A value that is written into a constraint of its own, which may be of any length. */
const longValue = 200

/** The lines that hold a rule to these values of a param, for as many rules as it takes; one rule without a line permits any. */
export function linesFor(name: string, values: ReadonlySet<ParamValue>): readonly (readonly string[])[] {
  if (values.has('unknown')) return [[]]
  const sent = [...values].filter((value) => value !== 'unsent').sort()
  const rules: string[][] = []
  const perRule = sent.some((value) => value.length > longValue) ? 1 : valuesPerRule
  for (let at = 0; at === 0 || at < sent.length; at += perRule) {
    const some = sent.slice(at, at + perRule)
    const isUnsent = at === 0 && values.has('unsent') && (perRule > 1 || sent.length === 0)
    const only = some.length === 1 && !isUnsent ? (some[0] as string) : undefined
    rules.push([
      only === undefined || only === 'null'
        ? whenLine(name, some, isUnsent)
        : `constraint: { ${yamlKey(name)}: ${visibleYaml(only)} }`,
    ])
  }
  if (perRule === 1 && sent.length > 0 && values.has('unsent')) rules.push([whenLine(name, [], true)])
  return rules
}

function whenLine(name: string, sent: readonly string[], isUnsent: boolean): string {
  const param = `params.${name}`
  const parts = isUnsent ? [`!has(${param})`] : []
  const isOfText = sent.every((json) => isTexts(parseJson(json)))
  if (sent.length === 1) parts.push(`${param} == ${sent[0]}`)
  else if (isOfText && sent.length > 1) parts.push(`${param} in [${sent.join(', ')}]`)
  else parts.push(...sent.map((json) => `${param} == ${json}`))
  const text = parts.join(' || ')
  return `when: ${/^[ -&(-~]*$/.test(text) ? `'${text}'` : yamlText(text)}`
}

function isTexts(value: JsonValue): boolean {
  return (
    typeof value === 'string' ||
    (Array.isArray(value) && (value as JsonValue[]).every((item) => typeof item === 'string'))
  )
}
