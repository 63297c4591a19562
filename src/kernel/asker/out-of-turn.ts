import type { Caller, Gate } from '../gate.ts'
import { readRequest } from '../request.ts'

/**
 * Whether a request that is cancelled while it waits may end before its turn. One with an idempotency key may not: what waits
 * before it under the same key is the attempt, and would be given its answer.
 */
export function mayEndEarly(asked: unknown): boolean {
  const reading = readRequest(asked)
  return 'problem' in reading || reading.request.idempotencyKey === undefined
}

/**
 * Lets what a principal has cancelled end before its turn, as if it were a principal of its own: a flood of it is bounded like any
 * other. Where too much waits, it ends when its turn comes.
 *
 * @param begin given the gate by which it ends
 */
export function letOut(gate: Gate, { principal }: Caller, begin: (gate: Gate) => void): void {
  const { admission } = gate
  // No principal has this id: NUL stands in none.
  const leaving = `\0${principal.id}`
  const outOfTurn: Gate = { ...gate, admission: { ...never, end: () => admission.end(leaving) } }
  if (admission.tryBegin(leaving)) {
    begin(outOfTurn)
    return
  }
  try {
    admission.wait(leaving, () => begin(outOfTurn))
  } catch {
    // Its turn will come.
  }
}

const never = { tryBegin: () => false, wait: () => undefined }
