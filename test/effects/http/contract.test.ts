import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { providerContract } from '../../../src/effects/providers/contract.ts'
import { http, type Call, type Provider } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { aSite, type Site } from './a-web.ts'

describe('http() keeps the contract', () => {
  guards('GATE-06')

  let site: Site
  beforeAll(async () => {
    site = await aSite()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  /** The provider where every rule opens private addresses: the contract's own calls come from a public network. */
  const make = (): Provider => {
    const provider = http({ resolve: () => Promise.resolve(['127.0.0.1']), secrets: { find: () => undefined } })
    const definition = provider.actions['net.http']
    if (definition === undefined) throw new Error('no net.http')
    const open = (call: Call): Call => ({
      ...call,
      resource: call.resource.replace(':1/', `:${site.port}/`),
      network: 'private',
    })
    const perform = (call: Call): ReturnType<typeof definition.perform> => definition.perform(open(call))
    const foresee = (call: Call): ReturnType<NonNullable<typeof definition.foresee>> => definition.foresee?.(open(call))
    return { ...provider, actions: { 'net.http': { ...definition, perform, foresee } } }
  }
  const params = {
    method: 'POST',
    headers: { accept: 'text/plain' },
    body: 'AP8=',
    encoding: 'base64',
    timeoutMs: 5000,
  }
  const samples = {
    'net.http': { resource: 'http://site.example:1/a', params, world: () => site.seen.length },
  }
  test.each([...providerContract(make, samples)])('$name', ({ run }) => expect(run()).resolves.toBeUndefined())
})
