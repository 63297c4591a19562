import picocolors from 'picocolors'

/** The colours that Kestrel uses, each with its meaning; all do nothing where stdout is not a terminal. */
export interface Paint {
  good(text: string): string
  bad(text: string): string
  wait(text: string): string
  strong(text: string): string
  quiet(text: string): string
  name(text: string): string
}

export function colours(): Paint {
  return paintOf(true)
}

export function plain(): Paint {
  return paintOf(false)
}

function paintOf(enabled: boolean): Paint {
  const colour = picocolors.createColors(enabled)
  return {
    good: colour.green,
    bad: colour.red,
    wait: colour.yellow,
    strong: colour.bold,
    quiet: colour.dim,
    name: colour.cyan,
  }
}
