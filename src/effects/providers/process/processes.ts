import { systemClock } from '../../../base/clock.ts'
import { isJsonObject, type JsonValue } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import type { Achieved, ActionDefinition, Answer, Call, Provider } from '../../provider.ts'
import { answering, foreseeing } from '../filesystem/ending.ts'
import { hostVolume, type Volume } from '../filesystem/volume.ts'
import type { Ground } from '../filesystem/walk.ts'
import { hostLauncher } from './host.ts'
import { housingOf, type Housing } from './housing.ts'
import { jailLauncher } from './jail.ts'
import type { Launch, Launcher } from './launch.ts'
import { readOptions, type ProcessesOptions, type Settings } from './options.ts'
import { oversee } from './oversee.ts'
import { openProgram, readProgram } from './program.ts'
import { checkRequest, readRequest } from './request.ts'
import { groundOf, openWorkingFolder } from './working-folder.ts'

/**
 * Programs of the host: `proc.exec`, without any shell, in a jail where one works.
 *
 * A program that ends, with whatever exit code, is `done`. One that was started and had to be stopped has `failed`, with no claim
 * about its effect; one that could not be started is `none`.
 *
 * @throws KernelError PROVIDER_INVALID for options that cannot be, or without the jail that they ask for
 */
export function processes(options: ProcessesOptions = {}): Provider {
  const settings = readOptions(options)
  const volume = hostVolume()
  const house = new House(settings, volume, housingOf(settings))
  const action: ActionDefinition = {
    kind: 'mutate',
    readResource: (raw) => readProgram(raw, settings.path),
    checkParams: checkRequest,
    timeoutMs: limits.execMs + 2 * limits.execEndMs,
    ...(house.launcher && { tier: house.launcher.tier }),
    foresee: (call) => foreseeing(answering(call.resource, () => house.foresee(call))),
    perform: (call) => answering(call.resource, () => house.run(call)),
    achieved: toldByExitCode,
  }
  return { name: 'process', actions: { 'proc.exec': action }, close: () => house.close() }
}

/** What it changed before it failed a program does not say. */
function toldByExitCode(result: JsonValue | undefined): Achieved {
  const exitCode = isJsonObject(result) ? result['exitCode'] : undefined
  if (exitCode === 0) return 'yes'
  return { unclear: typeof exitCode === 'number' ? `it ended with the exit code ${exitCode}` : 'it ended by a signal' }
}

/** Where the programs of one provider run. */
class House {
  readonly launcher: Launcher | undefined
  private readonly settings: Settings
  private readonly volume: Volume
  private readonly housing: Housing
  private readonly ground: Ground
  private readonly closing = new AbortController()
  private readonly running = new Set<Promise<Answer>>()

  constructor(settings: Settings, volume: Volume, housing: Housing) {
    this.settings = settings
    this.volume = volume
    this.housing = housing
    this.ground = groundOf(volume, systemClock)
    if (housing.tier === 'jail') this.launcher = jailLauncher(settings, housing.bubblewrap, volume)
    if (housing.tier === 'host') this.launcher = hostLauncher(settings, housing.user)
  }

  /** Judges without starting anything. */
  foresee(call: Call): Answer {
    using prepared = this.prepare(call)
    return prepared.refusal ?? { effect: 'done' }
  }

  run(call: Call): Answer | Promise<Answer> {
    const signal = AbortSignal.any([call.signal, this.closing.signal])
    if (signal.aborted) return none('cancelled', `\`${call.resource}\` was cancelled before it began`)
    using prepared = this.prepare(call)
    if (prepared.refusal !== undefined) return prepared.refusal
    if (this.running.size >= limits.execChildren) {
      return none('busy', `${limits.execChildren} programs run already; try again when one of them has ended`)
    }
    const { launch } = prepared
    const answer = oversee((this.launcher as Launcher).launch(launch), launch.request.timeoutMs, call, signal)
    this.running.add(answer)
    const leave = (): void => void this.running.delete(answer)
    answer.then(leave, leave)
    return answer
  }

  async close(): Promise<void> {
    this.closing.abort()
    await Promise.allSettled(this.running)
    this.ground.files.close()
    this.ground.mounts.close()
  }

  private prepare(call: Call): Prepared {
    const { settings, ground } = this
    const opened = new DisposableStack()
    try {
      const program = opened.use(openProgram(call, settings.path, this.volume, settings.fromMounts))
      const request = readRequest(call.params)
      const found = request.cwd === undefined ? undefined : opened.use(openWorkingFolder(ground, call, request.cwd))
      const launch = { program, request, folder: found?.spot, call }
      return { launch, refusal: this.unhoused(), [Symbol.dispose]: () => opened.dispose() }
    } catch (ended) {
      opened.dispose()
      throw ended
    }
  }

  private unhoused(): Answer | undefined {
    const { housing } = this
    if (housing.tier !== 'none') return undefined
    const hint =
      'install bubblewrap, or make the provider with `jail: "never"` and bear that programs can read the keys'
    return { refused: 'no_jail', message: housing.why, hint }
  }
}

/** A call that was judged, with what was opened for it. */
interface Prepared extends Disposable {
  readonly launch: Launch
  readonly refusal: Answer | undefined
}

function none(code: string, message: string): Answer {
  return { effect: 'none', error: { code, message, retryable: true } }
}
