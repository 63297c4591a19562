import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { JsonObject } from '../../src/base/json.ts'
import { protect } from '../../src/effects/protection.ts'
import { filesystem, type Answer, type Call, type Provider } from '../../src/effects/providers/index.ts'

/** For actions that keep nothing. */
export const noContents: Call['contents'] = {
  keep: () => Promise.reject(new Error('this host keeps nothing')),
  open: () => {
    throw new Error('this host keeps nothing')
  },
}

/** Stands in a file that no agent may reach. */
export const canary = 'CANARY-5d1c'

/** A piece of a host: `w` is mounted as `/w`; everything else lies beside it. */
export interface Host extends Disposable {
  readonly root: string
  path(name: string): string
  /** Makes files, by path from the root. */
  put(files: Readonly<Record<string, string | Uint8Array>>): void
  /** Carries out one action as the gate would: reads resource and params first. */
  act(
    action: string,
    resource: string,
    params?: JsonObject,
    changes?: Partial<Call>,
  ): Promise<Answer | { invalid: string }>
  /** How a dry run would predict it. */
  foresee(action: string, resource: string, params?: JsonObject): Promise<Answer | undefined>
  call(action: string, resource: string, params?: JsonObject): Call
}

export interface HostOptions {
  readonly provider?: Provider
  /** Protected, by path from the root. */
  readonly own?: readonly string[]
}

export function aHost(files: Readonly<Record<string, string | Uint8Array>> = {}, options: HostOptions = {}): Host {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'kestrel-host-'))
  const provider = options.provider ?? filesystem()
  const path = (name: string): string => join(root, name)
  mkdirSync(path('w'))
  const put: Host['put'] = (entries) => {
    for (const [name, content] of Object.entries(entries)) {
      mkdirSync(dirname(path(name)), { recursive: true })
      writeFileSync(path(name), content)
    }
  }
  put(files)
  const protection = protect((options.own ?? []).map(path))
  const mounts = new Map([['/w', path('w')]])
  const call: Host['call'] = (action, resource, params = {}) => ({
    action,
    resource,
    params,
    mounts,
    protection,
    signal: new AbortController().signal,
    network: 'public',
    judge: () => ({ network: 'public' }),
    contents: noContents,
    report: () => undefined,
  })
  const definitionOf = (action: string): Provider['actions'][string] => {
    const definition = provider.actions[action]
    if (definition === undefined) throw new Error(`no action ${action}`)
    return definition
  }
  return {
    root,
    path,
    put,
    call,
    act: async (action, resource, params = {}, changes = {}) => {
      const definition = definitionOf(action)
      const invalid = definition.checkParams?.(params)
      if (invalid !== undefined) return { invalid }
      const reading = definition.readResource(resource)
      if ('problem' in reading) return { invalid: reading.problem }
      return await definition.perform({ ...call(action, reading.canonical, params), ...changes })
    },
    foresee: async (action, resource, params = {}) => {
      const definition = definitionOf(action)
      const reading = definition.readResource(resource)
      if ('problem' in reading) throw new Error(reading.problem)
      return await definition.foresee?.(call(action, reading.canonical, params))
    },
    [Symbol.dispose]: () => {
      void provider.close?.()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

export const reading = (content: string): object => ({
  effect: 'done',
  result: { content, encoding: 'utf8', sizeBytes: Buffer.byteLength(content) },
})
export const failing = (code: string): object => ({ effect: 'none', error: { code } })

/** What `fs.list` told. */
export function entriesOf(answer: unknown): readonly { readonly name: string; readonly type: string }[] {
  return (answer as { result: { entries: { name: string; type: string }[] } }).result.entries
}
