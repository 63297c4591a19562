import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { aPlace, lineFrom, type Place } from './a-place.ts'

/** A place with a log of a few entries, and the key of a witness beside it. */
export interface WitnessedPlace {
  readonly place: Place
  readonly logKey: string
  readonly witnessKey: string
}

export async function aWitnessedPlace(): Promise<WitnessedPlace> {
  const place = aPlace({ 'a.txt': 'a' })
  await place.run(['submit', 'fs.list', '/workspace'])
  const logKey = (await place.run(['key'])).stdout.trim()
  const made = await place.run(['witness', 'key', '--key', 'w.key', '--new', 'witness.example/w1'])
  return { place, logKey, witnessKey: made.stdout.trim() }
}

export interface WitnessServer extends AsyncDisposable {
  readonly url: string
  readonly child: ChildProcessWithoutNullStreams
}

/** `kestrel witness serve` in a place, for these logs. */
export async function aWitnessServer(place: Place, logs: readonly string[]): Promise<WitnessServer> {
  const named = logs.flatMap((log) => ['--log', log])
  const options = ['--state', 'state', '--key', 'w.key', '--listen', '127.0.0.1:0', '--json', ...named]
  const child = place.start(['witness', 'serve', ...options])
  const closed = new Promise((resolve) => child.on('close', resolve))
  const { url } = JSON.parse(await lineFrom(child, /"url"/)) as { url: string }
  return {
    url,
    child,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await closed
    },
  }
}
