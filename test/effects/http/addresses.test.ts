import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { isOwn, isSameAddress, kindOf } from '../../../src/effects/providers/http/address.ts'
import { assertAllowed } from '../../../src/effects/providers/http/names.ts'
import { parseUrl, type WebUrl } from '../../../src/effects/providers/http/url.ts'
import { guards } from '../../guards.ts'
import { aBrowser, aSite, resultIn } from './a-web.ts'

describe('an address', () => {
  guards('GATE-06')

  test.each([
    ['public', ['1.1.1.1', '93.184.216.34', '100.63.255.255', '100.128.0.0', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '2a00:1450:1:2:3:5efe:1:2', '3ffe::1']],
    ['private', ['127.0.0.1', '127.255.255.254', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '::1', 'fc00::1', 'fdff::1']],
    ['metadata', ['169.254.169.254', '169.254.170.2', '169.254.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'FD00:EC2:0::254', 'fd20:ce::254', 'fe80::1', 'febf::1']],
    ['unusable', ['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '192.0.0.1', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '198.19.255.255', '192.88.99.1']],
    ['unusable', ['::', 'ff02::1', 'fec0::1', '100::1', '2001:db8::1', '3fff::1', '5f00::1', '4000::1', 'e000::1', '2001:2::1', '2001:20::1']],
    ['unusable', ['::ffff:127.0.0.1', '::ffff:1.1.1.1', '::ffff:7f00:1', '::127.0.0.1', '::7f00:1', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::1.1.1.1', '64:ff9b:1::a00:1', '2002:7f00:1::', '2002:101:101::1', '2001:0:4136:e378::1']],
    ['unusable', ['2a00::5efe:127.0.0.1', '2a00::200:5efe:10.0.0.1', 'fe80::1%eth0', '::1%lo', '2606:4700::1111%1']],
    ['unusable', ['', 'localhost', '0x7f.0.0.1', '127.1', '2130706433', '0177.0.0.1', '8.8', '0', '1.1.1.1 ', '1.1.1.256', '[::1]', 'nonsense']],
  ])('is %s: %j', (kind, addresses) => {
    const kinds = addresses.map((address) => [address, kindOf(address)])
    expect(kinds).toEqual(addresses.map((address) => [address, kind]))
  }) // prettier-ignore

  test('is one of this machine where an interface has it', () => {
    const [own] = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
    expect(
      [own?.address ?? '127.0.0.1', '127.0.0.9', '::1', '0.0.0.0', '::', 'nonsense'].filter(
        (address) => !isOwn(address),
      ),
    ).toEqual([])
    expect(isOwn('1.1.1.1')).toBe(false)
  })

  test('is the same in another spelling only', () => {
    expect(isSameAddress('2606:4700:0::1', '2606:4700::0:1')).toBe(true)
    expect(isSameAddress('1.1.1.1', '1.1.1.2')).toBe(false)
    expect(isSameAddress('', '')).toBe(false)
  })
})

/** What a name resolves to in a world where an attacker has names. */
const names: Readonly<Record<string, readonly string[]>> = {
  localhost: ['::1', '127.0.0.1'],
  'a.localhost': ['127.0.0.1'],
  '127.0.0.1.nip.io': ['127.0.0.1'],
  '7f000001.nip.io': ['127.0.0.1'],
  '127.0.0.1.example.com': ['127.0.0.1'],
  'localtest.me': ['127.0.0.1', '::1'],
  'spoofed.burpcollaborator.net': ['127.0.0.1'],
  'metadata.google.internal': ['169.254.169.254'],
  metadata: ['169.254.169.254'],
  'instance-data': ['169.254.169.254'],
  'mixed.example': ['93.184.216.34', '127.0.0.1'],
  'mixed6.example': ['2606:4700::1111', '::1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
  '6to4.example': ['2002:7f00:1::'],
  'zone.example': ['fe80::1%lo'],
  'any.example': ['0.0.0.0'],
  'any6.example': ['::'],
  'internal.example': ['10.1.2.3'],
  'odd.example': ['0x7f.1'],
  'garbage.example': ['not an address'],
}
const resolve = (host: string): Promise<readonly string[]> => Promise.resolve(names[host] ?? [])

/**
 * The spellings that are passed around as tricks against filters of server-side requests: decimal, octal, hexadecimal, short and
 * mixed forms, IPv6 forms that carry an IPv4 address, other alphabets, dots, names of an attacker's.
 */
const spellings: readonly string[] = [
  '127.0.0.1', '127.0.1', '127.1', '127.0.0.1.', '127.127.127.127', '127.0.1.3', '127.0.0.0', '2130706433', '017700000001', '0x7f000001', '0x7F.0x0.0x0.0x1',
  '0177.0.0.1', '0177.0.0.01', '00177.0.0.1', '0x7f.1', '0x7f.0.1', '127.0x0.0.1', '0177.0x0.1', '127.0.0.0x1', '0', '0.', '0x0', '00', '0.0', '0.0.0.0', '0x00.0',
  '[::]', '[::1]', '[0:0:0:0:0:0:0:1]', '[0000::1]', '[::0]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[::FFFF:0.0.0.0]', '[::127.0.0.1]',
  '[::7f00:1]', '[::ffff:0:127.0.0.1]', '[64:ff9b::127.0.0.1]', '[64:ff9b:1::127.0.0.1]', '[2002:7f00:1::]', '[2002:7f00:0001::1]', '[2001:0:7f00:1::]', '[2a00::5efe:127.0.0.1]',
  '[fe80::1]', '[fe80::1%25lo]', '[fe80::1%lo]', '[fc00::1]', '[fd00:ec2::254]', '[ff02::1]', '[::1%25]', '[::1].', '[::1',
  '①②⑦.⓪.⓪.①', '１２７．０．０．１', '127。0。0。1', '127．0．0．1', '127｡0｡0｡1', '𝟭𝟮𝟳.𝟬.𝟬.𝟭', '⑯⑨。②⑤④。⑯⑨｡②⑤④', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', 'ｌｏｃａｌｈｏｓｔ', 'loc\u00adalhost', 'localhost\u200b',
  'localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'localhost..', '%6c%6f%63%61%6c%68%6f%73%74', '%31%32%37.0.0.1', '127.0.0.1%00', '127.0.0.1\0.example.com', '127.0.0.1%2eexample.com',
  '169.254.169.254', '2852039166', '0xA9FEA9FE', '0xa9.0xfe.0xa9.0xfe', '0251.0376.0251.0376', '169.254.43518', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '169.254.169.254.',
  '10.0.0.1', '172.16.0.1', '192.168.0.1', '100.64.0.1', '100.100.100.200', '192.0.0.192', '198.18.0.1', '224.0.0.1', '255.255.255.255', '240.0.0.1', '203.0.113.7',
  'user@127.0.0.1', '127.0.0.1@example.com', 'example.com@127.0.0.1', 'example.com\\@127.0.0.1', '127.0.0.1#@example.com', '127.0.0.1\\.example.com', '1.1.1.1 &@127.0.0.1# @3.3.3.3',
  ...Object.keys(names),
] // prettier-ignore

describe('a server on this machine', () => {
  guards('GATE-06')

  test('sees none of the tricks', async () => {
    await using site = await aSite()
    const { ask } = aBrowser({ resolve })
    const open: unknown[] = []
    for (const spelling of spellings) {
      for (const url of [
        `http://${spelling}:${site.port}/`,
        `http://${spelling}/`,
        `https://${spelling}:${site.port}/`,
      ]) {
        const answer = await ask(url, { timeoutMs: 2000 }, { network: 'public', judge: () => ({ network: 'public' }) })
        const isRefused = 'refused' in answer && answer.refused === 'private_address'
        if (!isRefused && !('invalid' in answer)) open.push([url, answer])
      }
    }
    expect(open).toEqual([])
    expect(site.seen).toEqual([])
  })

  test('is found where a rule opens private addresses, by every spelling that names it', async () => {
    await using site = await aSite()
    const { ask } = aBrowser({ resolve })
    for (const spelling of [
      '127.0.0.1',
      '2130706433',
      '0x7f.1',
      '１２７．０．０．１',
      'localhost',
      'localtest.me',
      '127.0.0.1.nip.io',
    ]) {
      expect(resultIn(await ask(`http://${spelling}:${site.port}/`)), spelling).toMatchObject({ status: 200 })
    }
    expect(site.seen).toHaveLength(7)
  })

  test.each([
    '169.254.169.254', '169.254.1.1', '100.100.100.200', '[fd00:ec2::254]', '[fe80::1]', 'metadata.google.internal', 'instance-data', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]',
    'mapped.example', 'any.example', '224.0.0.1', '6to4.example', 'odd.example', 'garbage.example',
  ])('%s stays closed also to a rule that opens private addresses', async (host) => {
    const { ask } = aBrowser({ resolve })
    expect(await ask(`http://${host}/`, { timeoutMs: 2000 })).toMatchObject({ refused: 'private_address' })
  }) // prettier-ignore

  test('is told of without its address', async () => {
    const { ask } = aBrowser({ resolve })
    const answer = await ask('http://internal.example/?token=x', {}, { network: 'public' })
    expect(answer).toMatchObject({ refused: 'private_address', hint: expect.stringContaining('network: private') })
    expect(JSON.stringify(answer)).not.toMatch(/10\.1|token/)
  })

  test('is asked for once: a second answer of its resolver changes nothing', async () => {
    await using site = await aSite()
    let asked = 0
    const { ask } = aBrowser({ resolve: () => Promise.resolve(asked++ === 0 ? ['127.0.0.1'] : ['169.254.169.254']) })
    expect(await ask(`http://rebind.example:${site.port}/`)).toMatchObject({ effect: 'done' })
    expect(asked).toBe(1)
    expect(await ask(`http://rebind.example:${site.port}/`)).toMatchObject({ refused: 'private_address' })
    expect(site.seen).toHaveLength(1)
  })
})

describe('ports of Kestrel itself', () => {
  guards('GATE-13')

  test('are reached under no policy, by no name of this machine', async () => {
    await using site = await aSite()
    const { ask } = aBrowser({ ownPorts: [site.port], resolve })
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', 'localtest.me', '[::1]', '0.0.0.0']) {
      expect(await ask(`http://${host}:${site.port}/`), host).toMatchObject({ refused: 'self_protected' })
    }
    expect(site.seen).toEqual([])
  })

  test('are others on other machines', () => {
    const url = parseUrl('http://example.com/') as WebUrl
    const ownPorts = new Set([80])
    expect(() => assertAllowed('1.1.1.1', url, 'public', { ownPorts })).not.toThrow()
    expect(() => assertAllowed('127.0.0.1', url, 'private', { ownPorts })).toThrow(/Kestrel itself/)
  })

  test.each<object>([
    { proxy: 'x' },
    { ownPorts: [0] },
    { ownPorts: 'x' },
    { secrets: {} },
    { ca: 1 },
    { resolve: 'x' },
  ])('%j are no options', (options) => {
    expect(() => aBrowser(options)).toThrow(expect.objectContaining({ code: 'PROVIDER_INVALID' }) as Error)
  })
})
