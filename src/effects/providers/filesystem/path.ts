import { limits } from '../../../base/limits.ts'
import type { ResourceReading } from '../../provider.ts'

/**
 * The one spelling of an absolute path: no empty segments, no `.`, no `..`, no slash at the end.
 *
 * `..` is resolved in the text alone, before anything is looked up, so `/w/link/../x` is `/w/x` whatever `link` is. Nothing is
 * decoded or expanded: `%2e%2e`, `~` and full-width dots are ordinary characters of a name.
 */
export function readPath(raw: string): ResourceReading {
  if (raw.length > limits.resourceBytes || Buffer.byteLength(raw) > limits.resourceBytes) {
    return { problem: `the path is longer than ${limits.resourceBytes} bytes` }
  }
  if (!raw.isWellFormed()) return { problem: 'the path holds a lone surrogate, which no file name can' }
  if (raw.includes('\0')) return { problem: 'the path holds a NUL character' }
  if (!raw.startsWith('/')) return { problem: 'the path must be absolute: begin it with `/`' }
  const segments: string[] = []
  for (const segment of raw.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') {
      if (Buffer.byteLength(segment) > limits.pathSegmentBytes) {
        return { problem: `a name in the path is longer than ${limits.pathSegmentBytes} bytes` }
      }
      segments.push(segment)
    } else if (segments.pop() === undefined) {
      return { problem: 'the path climbs above `/`' }
    }
  }
  return { canonical: `/${segments.join('/')}` }
}

export function join(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

/** Whether `path` is `folder` or lies in it, segment by segment: `/w_evil` is not in `/w`. */
export function isWithin(path: string, folder: string): boolean {
  if (folder === '/') return path.startsWith('/')
  return path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/')
}

/** Two spellings that a volume which folds case or normalises Unicode may take for one. */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase()
}
