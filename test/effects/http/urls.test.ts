import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compilePattern, matchesPattern } from '../../../src/authority/policy/pattern.ts'
import { readUrl } from '../../../src/effects/providers/http/url.ts'
import { guards } from '../../guards.ts'

const canonicalOf = (raw: string): string => {
  const reading = readUrl(raw)
  return 'problem' in reading ? `invalid: ${reading.problem}` : reading.canonical
}

describe('a URL', () => {
  guards('GATE-06')

  test.each([
    ['https://example.com', 'https://example.com/'],
    ['HTTPS://EXAMPLE.com:443/', 'https://example.com/'],
    ['http://example.com:80/a', 'http://example.com/a'],
    ['https://example.com:80/a', 'https://example.com:80/a'],
    ['https://example.com./a', 'https://example.com/a'],
    ['https://example.com.:8443/a', 'https://example.com:8443/a'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://ＥＸＡＭＰＬＥ．com/', 'https://example.com/'],
    ['https://example。com/', 'https://example.com/'],
    ['https://%65xample.com/', 'https://example.com/'],
    ['https://example.com/#top', 'https://example.com/'],
    ['https://example.com/?', 'https://example.com/'],
    ['https://example.com?a=b#c', 'https://example.com/?a=b'],
    ['https://example.com/a/../b/./c', 'https://example.com/b/c'],
    ['https://example.com/a/%2e%2E/b', 'https://example.com/b'],
    ['https://example.com/../../etc', 'https://example.com/etc'],
    ['https://example.com/%61%7E%2d', 'https://example.com/a~-'],
    ['https://example.com/%e2%82%ac', 'https://example.com/%E2%82%AC'],
    ['https://example.com/€', 'https://example.com/%E2%82%AC'],
    ['https://example.com/a|b[c]{d}', 'https://example.com/a%7Cb%5Bc%5D%7Bd%7D'],
    ['https://example.com/a%7cb', 'https://example.com/a%7Cb'],
    ['https://example.com/users%3Adelete%40x', 'https://example.com/users:delete@x'],
    ['https://example.com/a;b//c', 'https://example.com/a;b//c'],
    ['https://example.com/a%3bb%2b', 'https://example.com/a%3Bb%2B'],
    ["https://example.com/?q=%61%2f/%26+%27'[]", 'https://example.com/?q=a%2F/%26+%27%27%5B%5D'],
    ['http://0x7f.1/', 'http://127.0.0.1/'],
    ['http://[::FFFF:127.0.0.1]/', 'http://[::ffff:7f00:1]/'],
    ['http://[2001:0DB8::0:1]:80/', 'http://[2001:db8::1]/'],
  ])('%s is %s', (raw, canonical) => {
    expect(canonicalOf(raw)).toBe(canonical)
    expect(canonicalOf(canonical)).toBe(canonical)
  })

  test.each([
    'example.com', '//example.com/', 'https:example.com', 'https:/example.com', 'https:///example.com', 'https://', 'https://?x',
    'ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'data:,x', 'ws://example.com/', 'gopher://example.com/',
    'https://user@example.com/', 'https://user:pass@example.com/', 'https://@example.com/', 'https://api.example.com@evil.com/',
    'https://api.example.com:443@evil.com/', 'https://example.com\\@evil.com/', 'https:\\\\example.com/', 'https://example.com/a\\b',
    'https://exa mple.com/', 'https://example.com/a b', ' https://example.com/', 'https://example.com/\t', 'ht\ntps://example.com/',
    'https://example.com/\u202e', 'https://exam\u200bple.com/', 'https://exam\u00adple.com/', 'https://example.com/\ud800',
    'https://example.com/\0', 'https://example.com/%00', 'https://example.com/a%2fb', 'https://example.com/a%2F..%2Fb',
    'https://example.com/%5c', 'https://example.com/%252e%252e/x', 'https://example.com/%25252fx', 'https://example.com/..;/admin',
    'https://example.com/.;x/a', 'https://example.com/..%3b/admin', 'https://example.com/%c0%af', 'https://example.com/%c0%ae%c0%ae/',
    'https://example.com/%0d%0aHost:%20x', 'https://example.com/%', 'https://example.com/%zz', 'https://example.com/?a=%',
    'https://example.com:0/', 'https://example.com:99999/', 'https://example.com:x/', 'https://./', 'https://../', 'https://a..b/',
    'https://example.com../', 'https://-/\u0001', 'https://exa$mple.com/', 'https://a*b.com/', 'https://1.2.3.4.5/',
    'https://256.1.1.1/', 'https://[fe80::1%25eth0]/', 'https://[fe80::1%eth0]/', 'https://[::1/', 'https://::1/', 'https://[v1.a]/',
    'https://example.com/?t={{secret:KEY}}', 'https://example.com/{{secret:KEY}}', 'https://example.com/%7b%7Bsecret%3AKEY}}',
    `https://${'a'.repeat(64)}.com/`, `https://${'a.'.repeat(127)}com/`, `https://example.com/${'a'.repeat(4096)}`,
    `https://example.com/${'€'.repeat(1000)}`,
  ])('%j has no canonical form', (raw) => {
    expect(canonicalOf(raw)).toMatch(/^invalid: .{10}/)
  }) // prettier-ignore

  test('is read to one form whatever it is, and that form reads to itself', () => {
    const part = fc.constantFrom(
      ...['https://', 'http://', 'a', 'Ex.com', '.', '..', '/', '//', '%2e', '%2E', '%41', '%c3%a9', 'é', '?', '#', '@', ':', ':80', ':443'],
      ...['[::1]', '127.1', '0x7f', ';', '+', "'", '%27', '&', '=', '|', '%', '%25', '\u0000', ' ', '\\', '*', '~', '%7e', '１', '。'],
    ) // prettier-ignore
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 9 }), fc.boolean(), (parts, isUrl) => {
        const reading = readUrl((isUrl ? 'https://' : '') + parts.join(''))
        if ('problem' in reading) return
        expect(readUrl(reading.canonical)).toEqual(reading)
        expect(new URL(reading.canonical).origin).toBe(
          new URL((isUrl ? 'https://' : '') + parts.join('')).origin.replace(/\.(?=:\d+$|$)/, ''),
        )
        expect(reading.canonical).toMatch(/^https?:\/\/[a-z0-9.:[\]_-]+\/[!-~]*$/)
        expect(reading.display).not.toMatch(/[?#]/)
      }),
      { numRuns: 3000 },
    )
  })

  test('shows no query', () => {
    expect(readUrl('https://example.com/a?token=x#y')).toMatchObject({ display: 'https://example.com/a' })
  })
})

describe('a pattern over URLs', () => {
  guards('GATE-06', 'GATE-03')

  const matches = (pattern: string, raw: string): boolean => {
    const compiled = compilePattern(pattern)
    if ('problem' in compiled) throw new Error(compiled.problem)
    const reading = readUrl(raw)
    return 'canonical' in reading && matchesPattern(compiled.pattern, reading.canonical)
  }
  const api = 'https://api.example.com/**'

  test.each([
    'https://api.example.com', 'https://api.example.com/', 'https://API.example.com.:443/v1', 'https://api.example.com/v1?q=a/b',
    'https://api.example.com?q=1',
  ])('of one host matches %s', (url) => {
    expect(matches(api, url)).toBe(true)
  }) // prettier-ignore

  test.each([
    'https://api.example.com.evil.com/', 'https://api.example.com@evil.com/', 'https://evil.com/api.example.com/', 'https://evil.com/?https://api.example.com/',
    'https://evil.com#https://api.example.com/', 'https://api.example.com:8443/', 'http://api.example.com/', 'https://api.example.com\\.evil.com/',
    'https://api-example.com/', 'https://evil.com//https://api.example.com/', 'https://аpi.example.com/',
  ])('of one host does not match %s', (url) => {
    expect(matches(api, url)).toBe(false)
  }) // prettier-ignore

  test.each([
    ['https://h/api/**', 'https://h/api?q=1', false],
    ['https://h/api/**', 'https://h/api/?q=1', true],
    ['https://h/search', 'https://h/search?q=1', false],
    ['https://h/search\\?*', 'https://h/search?q=1', true],
    ['https://h/search\\?*', 'https://h/search?q=a/b', false],
    ['https://h/*', 'https://h/a?q=1', true],
    ['https://h/*', 'https://h/a/b', false],
    ['https://*.example.com/**', 'https://a.example.com/x', true],
    ['https://*.example.com/**', 'https://a.b.example.com/x', true],
    ['https://*.example.com/**', 'https://evil.com/.example.com/x', false],
    ['https://*.example.com/**', 'https://evil.com/?a.example.com/x', false],
  ])('%s over %s: %s', (pattern, url, expected) => {
    expect(matches(pattern, url)).toBe(expected)
  })
})
