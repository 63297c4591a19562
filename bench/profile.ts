import { writeFileSync } from 'node:fs'
import { Session, type Profiler } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const lines = 30

/** Runs `work` under the profiler of V8, keeps the profile in the temporary directory, and says where the time went. */
export async function profiled<Result>(
  name: string,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly report: string }> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  const result = await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  const file = join(tmpdir(), `kestrel-${name}.cpuprofile`)
  writeFileSync(file, JSON.stringify(profile))
  return { result, report: [`${name}: ${file}`, ...topOf(profile)].join('\n') }
}

/** The functions that most of the time was spent in, without what they called. */
function topOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): readonly string[] {
  const nameOf = new Map(nodes.map(({ id, callFrame }) => [id, frameName(callFrame)]))
  const selfUs = new Map<string, number>()
  let totalUs = 0
  for (const [index, id] of samples.entries()) {
    const name = nameOf.get(id) ?? '(unknown)'
    const us = timeDeltas[index] ?? 0
    if (name === '(idle)') continue
    totalUs += us
    selfUs.set(name, (selfUs.get(name) ?? 0) + us)
  }
  const sorted = [...selfUs].sort(([, a], [, b]) => b - a).slice(0, lines)
  return sorted.map(([name, us]) => `${((100 * us) / totalUs).toFixed(1).padStart(5)} %  ${name}`)
}

function frameName({ functionName, url, lineNumber }: Profiler.Profile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  const file = url.replace(/^.*\/(?:dist|node_modules)\//, '')
  return file === '' ? name : `${name}  ${file}:${lineNumber + 1}`
}
