import type { Status } from '../../kernel/outcome.ts'
import type { Paint } from './paint.ts'

/** The longest status is `invalid`, `unknown`. */
export const statusWidth = 7

export function paintStatus(status: Status, paint: Paint): string {
  switch (status) {
    case 'ok':
      return paint.good(status)
    case 'held':
      return paint.wait(status)
    default:
      return paint.bad(status)
  }
}
