/**
 * When a child dies: at its n-th change of a file, at its n-th effect outside, when the parent's time is up, or never. One that
 * stops says `stopped`, and goes on at SIGCONT.
 */
export type KillPlan =
  | { readonly is: 'change'; readonly number: number; readonly when: 'before' | 'half' | 'after' }
  | { readonly is: 'effect'; readonly number: number; readonly when: 'before' | 'after' }
  | { readonly is: 'time'; readonly afterMs: number }
  | { readonly is: 'stop'; readonly number: number }
  | { readonly is: 'never' }

const moments = ['before', 'half', 'after'] as const

/** @param changes about how many changes a whole round makes */
export function drawPlan(random: () => number, changes: number): KillPlan {
  const choice = random()
  const when = moments[Math.floor(random() * moments.length)] as (typeof moments)[number]
  if (choice < 0.5) return { is: 'change', number: 1 + Math.floor(random() * changes), when }
  // The first changes are those of opening, and after a kill of recovery.
  if (choice < 0.65) return { is: 'change', number: 1 + Math.floor(random() * 30), when }
  if (choice < 0.75)
    return { is: 'effect', number: 1 + Math.floor(random() * 8), when: random() < 0.5 ? 'before' : 'after' }
  return { is: 'time', afterMs: Math.floor(random() * 60) }
}
