import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ActionDefinition, Provider } from '../../src/effects/provider.ts'

/** Told just before and just after something happens outside. */
export type OnEffect = (when: 'before' | 'after') => void

/** A world outside the kernel whose effects anyone can count: each adds the resource's name to one file, on the disk at once. */
export function outside(folder: string, onEffect: OnEffect = () => undefined): Provider {
  const act = (resource: string): void => {
    onEffect('before')
    const fd = openSync(effectsFile(folder), 'a', 0o600)
    // What a kill left of the line before is kept apart.
    writeSync(fd, `\n${resource}\n`)
    fsyncSync(fd)
    closeSync(fd)
    onEffect('after')
  }
  const known = {
    readResource: (raw: string) => ({ canonical: raw }),
    checkParams: (params: object) => ('wrong' in params ? 'it has a param that does not exist' : undefined),
  }
  const error = { code: 'no_reply', message: 'the other side did not answer', retryable: true }
  const actions: Record<string, ActionDefinition> = {
    'ext.append': {
      ...known,
      kind: 'mutate',
      perform: ({ resource }) => (act(resource), { effect: 'done', result: { resource } }),
    },
    'ext.unsure': {
      ...known,
      kind: 'mutate',
      perform: ({ resource }) => (act(resource), { effect: 'uncertain', error }),
    },
    'ext.refuse': { ...known, kind: 'mutate', perform: () => ({ effect: 'none', error }) },
    'ext.look': { ...known, kind: 'observe', perform: ({ resource }) => ({ effect: 'done', result: { resource } }) },
  }
  return { name: 'outside', actions }
}

function effectsFile(folder: string): string {
  return join(folder, 'effects')
}

/** The resources acted on, oldest first. */
export function effectsIn(folder: string): string[] {
  return readFileSync(effectsFile(folder), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}
