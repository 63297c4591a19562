import { Session } from 'node:inspector'
import type { Coverage } from './fuzz.ts'

interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly {
    readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[]
  }[]
}

/**
 * V8's own block coverage of this project's sources, by the inspector of this thread. Sources that were loaded before are not
 * counted block by block.
 */
export function blockCoverage(): Coverage {
  const session = new Session()
  session.connect()
  const post = (method: string, params?: object): unknown => {
    let answer: unknown
    session.post(method, params, (error, result) => {
      if (error !== null) throw new Error(`the inspector refused \`${method}\`: ${error.message}`)
      answer = result
    })
    return answer
  }
  post('Profiler.enable')
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return {
    take() {
      const places = new Set<string>()
      const { result } = post('Profiler.takePreciseCoverage') as { readonly result: readonly ScriptCoverage[] }
      for (const { url, functions } of result) {
        if (!url.includes('/src/')) continue
        for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
          if (count > 0) places.add(`${url}:${startOffset}-${endOffset}`)
        }
      }
      return places
    },
  }
}
