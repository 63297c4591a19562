import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../../src/base/canonical-json.ts'
import type { JsonValue } from '../../../src/base/json.ts'
import { guards } from '../../guards.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/canonical-json.json', import.meta.url), 'utf8'),
) as {
  readonly cases: readonly { readonly name: string; readonly text: string; readonly canonical: string }[]
  readonly numbers: readonly (readonly [string, string])[]
}

describe('canonical JSON', () => {
  guards('LED-10', 'LED-16')

  test.each(vectors.cases)('RFC 8785 $name', ({ text, canonical }) => {
    expect(canonicalJson(JSON.parse(text) as JsonValue)).toBe(canonical)
  })

  test.each(vectors.numbers)('RFC 8785 Appendix B: %s is %s', (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text)
  })

  test('is what another implementation writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value)
        fc.pre(text.isWellFormed() && !/\\ud[89a-f]/i.test(text))
        expect(canonicalJson(JSON.parse(text) as JsonValue)).toBe(canonicalize(JSON.parse(text)))
      }),
    )
  })
})
