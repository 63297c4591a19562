import { isKernelError, KernelError } from '../base/errors.ts'
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../base/json.ts'
import { readPrincipal, type Principal } from '../base/principal.ts'

/** Checks params as the action does; undefined when they fit. */
export type CheckParams = (params: JsonObject) => string | undefined

/** Readings of ambiguous params that are tried: 2 to the power of this. */
const ambiguousParams = 8

/**
 * Params as typed on a command line.
 *
 * Shells know text only. A value that is a JSON number, `true`, `false`, `null`, a list or an object is sent as that where the action
 * takes it so, else as text: `limit=10` is a number to `fs.read`, and `content=10` is text to `fs.write`.
 *
 * @throws KernelError USAGE_INVALID
 */
export function readParams(
  pairs: readonly string[],
  json: string | undefined,
  check: CheckParams | undefined,
): JsonObject | undefined {
  const base = json === undefined ? undefined : readParamsJson(json)
  if (pairs.length === 0) return base
  const texts = new Map(pairs.map(splitPair))
  if (texts.size < pairs.length) throw usage('a `--param` is given twice')
  for (const name of texts.keys()) {
    if (base !== undefined && name in base) throw usage('a `--param` names what `--params` has too; give it once')
  }
  const ambiguous = [...texts].flatMap(([name, text]) => {
    const value = typedValue(text)
    return value === undefined ? [] : [[name, value] as const]
  })
  const asText = { ...base, ...Object.fromEntries(texts) }
  const asTyped = Object.assign(Object.create(null) as object, asText, Object.fromEntries(ambiguous)) as JsonObject
  if (check === undefined || ambiguous.length > ambiguousParams) return asTyped
  for (let chosen = 0; chosen < 2 ** ambiguous.length; chosen++) {
    const texted = ambiguous.filter((_, i) => (chosen & (1 << i)) !== 0).map(([name]) => [name, texts.get(name) ?? ''])
    const reading = { ...asTyped, ...(Object.fromEntries(texted) as JsonObject) }
    if (check(reading) === undefined) return reading
  }
  return asTyped
}

function readParamsJson(json: string): JsonObject {
  let value: JsonValue
  try {
    value = parseJson(json)
  } catch (error) {
    throw usage(`\`--params\`: ${isKernelError(error) ? error.message : 'cannot be read'}`)
  }
  if (!isJsonObject(value)) throw usage('`--params` must be a JSON object, as `{"limit": 10}`')
  return value
}

function splitPair(pair: string): readonly [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw usage('`--param` must be `name=value`')
  return [pair.slice(0, at), pair.slice(at + 1)]
}

/** The value that `text` is as JSON, unless that is a string or nothing. */
function typedValue(text: string): JsonValue | undefined {
  if (!/^[-0-9tfn[{]/.test(text)) return undefined
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** `ID` or `ID:role,role`. @throws KernelError PRINCIPAL_INVALID */
export function readAs(text: string | undefined): Principal {
  if (text === undefined) return readPrincipal({ id: 'local' })
  const colon = text.indexOf(':')
  if (colon < 0) return readPrincipal({ id: text })
  return readPrincipal({ id: text.slice(0, colon), roles: text.slice(colon + 1).split(',') })
}

export function usage(detail: string): KernelError<'USAGE_INVALID'> {
  return new KernelError('USAGE_INVALID', detail)
}
