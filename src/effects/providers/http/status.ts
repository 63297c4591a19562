import { isJsonObject, type JsonValue } from '../../../base/json.ts'
import type { Achieved } from '../../provider.ts'

/** What the status of an answer tells of what was asked for. @see RFC 9110 §15 */
export function toldByStatus(result: JsonValue | undefined): Achieved {
  const status = isJsonObject(result) ? result['status'] : undefined
  if (typeof status !== 'number') return { unclear: 'its answer has no status' }
  const why = `its answer was the status ${status}`
  // What is to be sent elsewhere, and was not.
  if (status === 307 || status === 308) return { refused: why }
  if (status < 400) return 'yes'
  // The server gave up waiting: how far it had come it does not say.
  return status < 500 && status !== 408 ? { refused: why } : { unclear: why }
}
