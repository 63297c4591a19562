import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { policyFromObject } from '../../src/authority/policy/index.ts'
import { isKernelError } from '../../src/base/errors.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly minProperties?: number
  readonly minimum?: number
  readonly pattern?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

const root = JSON.parse(readFileSync(new URL('../../spec/policy.schema.json', import.meta.url), 'utf8')) as Schema

function resolved(schema: Schema): Schema {
  return schema.$ref === undefined ? schema : (root.$defs?.[schema.$ref.slice('#/$defs/'.length)] as Schema)
}

/** What a key of this name may hold. */
const samples: Readonly<Record<string, unknown>> = {
  action: 'fs.read',
  resource: '/w/**',
  who: ['role:a'],
  constraint: { a: 1 },
  when: 'true',
  approvers: ['role:a'],
  roles: ['a'],
  per: '1d',
  expires: '1h',
  rotate: '90d',
  duration: '30d',
  subject: 'params.x',
  class: 'pii',
  type: 'pii',
  label: 'trusted',
  from: ['user'],
  param: 'to',
  format: 'json',
  destination: 's3://b',
  cost: { api: 1 },
  budgets: { api: 1 },
  fields: { a: 'trusted' },
  mounts: { '/w': 'w' },
}

function sample(name: string, schema: Schema): unknown {
  const known = samples[name]
  if (known !== undefined) return known
  const real = resolved(schema)
  if (real.const !== undefined) return real.const
  if (real.enum !== undefined) return real.enum[0]
  if (real.anyOf !== undefined) return sample(name, real.anyOf[0] as Schema)
  if (real.type === 'integer') return real.minimum ?? 0
  if (real.type === 'array') return [sample('', real.items as Schema)]
  if (real.type === 'object') {
    return Object.fromEntries((real.required ?? []).map((key) => [key, sample(key, real.properties?.[key] as Schema)]))
  }
  throw new Error(`no sample for \`${name}\``)
}

interface Place {
  readonly name: string
  readonly schema: Schema
  /** A whole policy with `value` at this place. */
  readonly around: (value: unknown) => object
}

/** Every map with fixed keys in the schema. */
function maps(name: string, schema: Schema, around: (value: unknown) => object): readonly Place[] {
  const real = resolved(schema)
  const here = real.properties === undefined ? [] : [{ name, schema: real, around }]
  const minimal = (): object => sample(name, real) as object
  const below = Object.entries(real.properties ?? {}).flatMap(([key, member]) =>
    maps(`${name}.${key}`, member, (value) => around({ ...(name === 'policy file' ? {} : minimal()), [key]: value })),
  )
  const items = real.items === undefined ? [] : maps(`${name}[]`, real.items, (value) => around([value]))
  const choices = (real.anyOf ?? []).flatMap((choice) =>
    choice.properties === undefined && choice.$ref === undefined ? [] : maps(name, choice, around),
  )
  const values =
    typeof real.additionalProperties === 'object'
      ? maps(`${name}.*`, real.additionalProperties, (value) => around({ x: value }))
      : []
  return [...here, ...below, ...items, ...(real.properties === undefined ? choices : []), ...values]
}

function problemOf(policy: object): string {
  try {
    policyFromObject({ version: 1, ...policy }, { baseDirectory: '/' })
    return ''
  } catch (error) {
    if (isKernelError(error, 'POLICY_INVALID')) return error.message
    throw error
  }
}

describe('the schema for editors says what the parser reads', () => {
  const places = maps('policy file', root, (value) => value as object).filter(
    ({ name }) => !name.includes('constraint'),
  )

  test('it is walked whole', () => {
    expect(places.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'policy file',
        'policy file.allow[]',
        'policy file.deny[]',
        'policy file.limits.budgets.*',
        'policy file.policy.export[]',
      ]),
    )
  })

  test.each(places)('$name has the same keys', ({ schema, around }) => {
    const message = problemOf(around({ qqqqqqqq: 1 }))
    const keys = [...(/the keys are ([^;(]*)/.exec(message)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, key]) => key)
    expect(new Set(keys)).toEqual(new Set(Object.keys(schema.properties ?? {})))
    expect(schema.additionalProperties).toBe(false)
  })

  test.each(places.filter(({ name }) => name !== 'policy file'))('$name needs the same keys', ({ schema, around }) => {
    const full = Object.fromEntries(
      Object.entries(schema.properties ?? {}).map(([key, member]) => [key, sample(key, member)]),
    )
    expect(problemOf(around(full))).toBe('')
    for (const key of Object.keys(full)) {
      const { [key]: _, ...rest } = full
      expect(problemOf(around(rest)) === '', `without \`${key}\``).toBe(!(schema.required ?? []).includes(key))
    }
  })

  const leaves = places.flatMap(({ name, schema, around }) =>
    Object.entries(schema.properties ?? {}).map(([key, member]) => {
      const minimal = Object.fromEntries(
        (schema.required ?? []).map((each) => [each, sample(each, schema.properties?.[each] as Schema)]),
      )
      return {
        place: `${name}.${key}`,
        member: resolved(member),
        put: (value: unknown) => problemOf(around({ ...minimal, [key]: value })),
      }
    }),
  )

  test.each(leaves.filter(({ member }) => member.enum !== undefined))(
    '$place has the same choices',
    ({ member, put }) => {
      for (const choice of member.enum ?? []) expect(put(choice)).toBe('')
      const told = /must be one of ([^,]*(?:, `[^`]*`)*),/.exec(put('qqqqqqqq'))?.[1] ?? ''
      expect([...told.matchAll(/`([^`]+)`/g)].map(([, choice]) => choice)).toEqual(member.enum)
    },
  )

  test.each(leaves.filter(({ member }) => member.pattern !== undefined))(
    '$place has the same form',
    ({ member, put }) => {
      const pattern = new RegExp(member.pattern as string)
      const texts = 'fs.read 30d 0d 1000000d 1w pii PII a_b params.x params. x.y json - a/b 30'.split(' ')
      const accepted = texts.filter((text) => put(text) === '')
      expect(accepted).toEqual(texts.filter((text) => pattern.test(text)))
    },
  )

  test.each(leaves.filter(({ member }) => member.type === 'array' && member.minItems === undefined))(
    '$place may be empty',
    ({ put }) => {
      expect(put([])).toBe('')
    },
  )

  test.each(leaves.filter(({ member }) => member.minimum !== undefined))(
    '$place has the same least value',
    ({ member, put }) => {
      expect(put(member.minimum)).toBe('')
      expect(put((member.minimum as number) - 1)).toContain(`at least ${member.minimum}`)
    },
  )
})
