import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { visible, visibleLines } from '../../src/base/display.ts'
import { guards } from '../guards.ts'

describe('text that is shown', () => {
  guards('DIS-01')

  test.each([
    ['plain words', 'plain words'],
    ['a\x1b[31mred\x1b[0m', 'a\\x1b[31mred\\x1b[0m'],
    ['\x9b31m', '\\x9b31m'],
    ['two\nlines\r\n', 'two\\nlines\\r\\n'],
    ['back\\slash', 'back\\\\slash'],
    ['invoice\u202egnp.exe', 'invoice\\u202egnp.exe'],
    ['\u2066isolated\u2069', '\\u2066isolated\\u2069'],
    ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
    ['soft\u00adhyphen', 'soft\\xadhyphen'],
    ['no\u00a0break', 'no\\xa0break'],
    ['hangul\u3164filler', 'hangul\\u3164filler'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['p\u0430ypal', 'p\\u0430ypal'],
    ['\u0440\u0430\u0443\u0440\u0430\u04cf', '\\u0440\\u0430\\u0443\\u0440\\u0430\\u04cf'],
    ['\uff41\uff42', '\\uff41\\uff42'],
    ['\uff0fetc\u2215passwd', '\\uff0fetc\\u2215passwd'],
    [' padded ', '\\x20padded\\x20'],
    ['a  b', 'a\\x20\\x20b'],
    ['Привет мир', 'Привет мир'],
    ['naïve café', 'naïve café'],
    ['日本語', '日本語'],
  ])('%j is shown as %s', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })

  const hostile = fc.string({ unit: 'binary', maxLength: 40 })

  test('nothing shown moves a cursor, hides, or reverses', () => {
    // eslint-disable-next-line no-control-regex -- it is control characters that must not be there
    const active =
      /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/u
    fc.assert(fc.property(hostile, (text) => !active.test(visible(text)) && visible(text).isWellFormed()))
  })

  test('two texts are never shown alike', () => {
    fc.assert(fc.property(hostile, hostile, (a, b) => a === b || visible(a) !== visible(b)))
    const confusable = fc.string({
      unit: fc.constantFrom('a', '\u0430', '\\', 'x', '2', '0', ' ', '\n', 'n', 'u'),
      maxLength: 6,
    })
    fc.assert(
      fc.property(confusable, confusable, (a, b) => a === b || visible(a) !== visible(b)),
      { numRuns: 5000 },
    )
  })

  test('a body keeps its lines, each safe', () => {
    expect(visibleLines('one\ntwo\x07')).toEqual(['one', 'two\\x07'])
  })
})
