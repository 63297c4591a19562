import { systemCode } from '../../../base/errors.ts'
import type { ReasonCode } from '../../../base/reasons.ts'
import type { Answer } from '../../provider.ts'

/** Ends an action from the depth of a walk. Thrown only in this folder and caught only by `answering`. */
export class Ended extends Error {
  readonly answer: Answer

  constructor(answer: Answer) {
    super('the action has ended')
    this.answer = answer
  }
}

export function refuse(refused: ReasonCode, message: string, hint?: string): Ended {
  return new Ended(hint === undefined ? { refused, message } : { refused, message, hint })
}

/** It failed and nothing happened. */
export function fail(code: string, message: string, retryable = false): Ended {
  return new Ended({ effect: 'none', error: { code, message, retryable } })
}

/** Nobody can tell how much of it happened. */
export function doubt(message: string): Ended {
  return new Ended({ effect: 'uncertain', error: { code: 'io_error', message, retryable: false } })
}

export function isDoubt(ending: unknown): boolean {
  return ending instanceof Ended && 'effect' in ending.answer && ending.answer.effect === 'uncertain'
}

/** Another process was faster; nothing happened. */
export function conflict(path: string, does: string): Ended {
  return fail('conflict', `\`${path}\` ${does} by another process meanwhile; nothing was changed; try again`, true)
}

/** Runs `act` and turns whatever it throws into an answer that knows only the agent's `path`, never the host's. */
export function answering(path: string, act: () => Answer | Promise<Answer>): Answer | Promise<Answer> {
  try {
    const answer = act()
    return answer instanceof Promise ? answer.catch((error: unknown) => answerTo(error, path)) : answer
  } catch (error) {
    return answerTo(error, path)
  }
}

/** For a dry run of what changes nothing: it is carried out, and only a failure is told. */
export async function foreseeing(answer: Answer | Promise<Answer>): Promise<Answer | undefined> {
  const ending = await answer
  return 'effect' in ending && ending.effect === 'done' ? undefined : ending
}

/** @throws what is neither an ending nor an error of the system: a defect, for the gate to record */
export function answerTo(error: unknown, path: string): Answer {
  if (error instanceof Ended) return error.answer
  const system = systemCode(error)
  if (system === undefined || !/^E[A-Z0-9]+$/.test(system)) throw error
  const known = Object.hasOwn(systemErrors, system) ? systemErrors[system] : undefined
  const [code, says, retryable] = known ?? [
    'io_error',
    `ended with the system's error ${system}; look at the disk`,
    false,
  ]
  return { effect: 'none', error: { code, message: `\`${path}\` ${says}`, retryable } }
}

const busy = ['io_error', 'cannot be opened while the system is short of resources; try again later', true] as const

const systemErrors: Readonly<Record<string, readonly [code: string, says: string, retryable: boolean]>> = {
  ENOENT: ['not_found', 'does not exist; list its folder with `fs.list`', false],
  ENOTDIR: ['not_directory', 'is not a folder', false],
  EISDIR: ['is_directory', 'is a folder', false],
  EEXIST: ['already_exists', 'exists already', false],
  ENOTEMPTY: ['already_exists', 'exists already and is not empty', false],
  EACCES: ['permission_denied', 'may not be touched by the user that Kestrel runs as', false],
  EPERM: ['permission_denied', 'may not be touched by the user that Kestrel runs as', false],
  EXDEV: ['cross_device', 'lies on another volume than the path that it is to be moved to', false],
  EROFS: ['permission_denied', 'lies on a volume that is mounted read-only', false],
  ENOSPC: ['no_space', 'does not fit: the volume is full; free some space', true],
  EDQUOT: ['no_space', 'does not fit: the quota is used up; free some space', true],
  EFBIG: ['too_large', 'is larger than the volume allows', false],
  ENAMETOOLONG: ['name_too_long', 'has a name longer than the volume allows', false],
  EINVAL: ['io_error', 'cannot be stored by this volume under that name', false],
  EMFILE: busy,
  ENFILE: busy,
  ENOMEM: busy,
  EAGAIN: busy,
  EBUSY: busy,
}
