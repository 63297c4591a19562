import type { JsonObject } from '../../../base/json.ts'
import { flag, oneOf, optional, shape, text } from '../params.ts'

/** The params of an action that puts content into a file. */
export const checkContent: (params: JsonObject) => string | undefined = shape(
  { content: text, encoding: optional(oneOf('utf8', 'base64')), parents: optional(flag) },
  refuseBadBase64,
)

export function contentOf(params: JsonObject): Buffer {
  return Buffer.from(params['content'] as string, params['encoding'] === 'base64' ? 'base64' : 'utf8')
}

function refuseBadBase64(params: JsonObject): string | undefined {
  if (params['encoding'] !== 'base64') return undefined
  const content = params['content'] as string
  // Buffer skips what is not base64; only a round trip shows that nothing was skipped.
  if (Buffer.from(content, 'base64').toString('base64') === content) return undefined
  return '`content` must be canonical base64 (padded, without spaces or line breaks) when `encoding` is `base64`'
}
