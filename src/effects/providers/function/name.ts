import type { ResourceReading } from '../../provider.ts'
import { readPath } from '../filesystem/path.ts'
import { limits } from '../../../base/limits.ts'

/**
 * The resource of a function: a name, as `user_data` or `orders/17`, or an absolute path, which gets its one spelling as for
 * files. Policy matches it segment by segment, so a name with empty, `.` or `..` segments has no meaning and is refused.
 */
export function readName(raw: string): ResourceReading {
  if (raw.startsWith('/')) return readPath(raw)
  if (raw === '') return { problem: 'the resource is empty' }
  if (raw.length > limits.resourceBytes || Buffer.byteLength(raw) > limits.resourceBytes) {
    return { problem: `the resource is longer than ${limits.resourceBytes} bytes` }
  }
  if (!raw.isWellFormed()) return { problem: 'the resource holds a lone surrogate' }
  if (/\p{Cc}/u.test(raw)) return { problem: 'the resource holds a control character' }
  if (raw.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return { problem: 'the resource has an empty, `.` or `..` segment; give a name or an absolute path' }
  }
  return { canonical: raw }
}
