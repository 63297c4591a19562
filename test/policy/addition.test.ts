import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addRules, loadPolicy, type RuleText } from '../../src/authority/policy/index.ts'
import { place, question } from './asking.ts'

const rule: RuleText = { action: 'fs.read', resource: '/w/new', more: [] }

function added(text: string, rules: readonly RuleText[] = [rule]): string {
  const addition = addRules(text, rules)
  if ('problem' in addition) throw new Error(addition.problem)
  return addition.text
}

/** Whether `after` is `before` with whole lines put in at one place. */
function onlyAdds(before: string, after: string): boolean {
  const old = before.split(/\r?\n/)
  const now = after.split(/\r?\n/)
  let same = 0
  while (same < old.length && old[same] === now[same]) same++
  const tail = old.length - same
  return now.length > old.length && (tail === 0 || now.slice(-tail).join('\n') === old.slice(same).join('\n'))
}

describe('a rule that is added to the text of a policy', () => {
  test.each([
    [
      'behind the last, before the comments and sections that follow',
      'version: 1\nallow:\n  - action: fs.list # x\n    resource: /w/**   # y\n  # tail\n\n# deny\ndeny: []\n',
      'version: 1\nallow:\n  - action: fs.list # x\n    resource: /w/**   # y\n  - action: fs.read\n    resource: /w/new\n  # tail\n\n# deny\ndeny: []\n',
    ],
    [
      'with the indentation of the others',
      'version: 1\nallow:\n-   resource: /w/a\n    action: fs.list\ndeny: []\n',
      'version: 1\nallow:\n-   resource: /w/a\n    action: fs.list\n-   action: fs.read\n    resource: /w/new\ndeny: []\n',
    ],
    [
      'in braces where the last is',
      'version: 1\nallow:\n    - { action: fs.list, resource: "/w/**" } # c\n',
      'version: 1\nallow:\n    - { action: fs.list, resource: "/w/**" } # c\n    - { action: fs.read, resource: /w/new }\n',
    ],
    [
      'with the line ends of the file',
      'version: 1\r\nallow:\r\n  - action: fs.list\r\n    resource: /w/a\r\ndeny: []\r\n',
      'version: 1\r\nallow:\r\n  - action: fs.list\r\n    resource: /w/a\r\n  - action: fs.read\r\n    resource: /w/new\r\ndeny: []\r\n',
    ],
    [
      'where the file ends without one',
      'version: 1\nallow:\n  - action: fs.list\n    resource: /w/a',
      'version: 1\nallow:\n  - action: fs.list\n    resource: /w/a\n  - action: fs.read\n    resource: /w/new',
    ],
    [
      'in brackets over several lines',
      'version: 1\nallow: [\n  { action: fs.list, resource: /w/a }, # one\n  { action: fs.stat, resource: /w/a } # two, or more\n]\n',
      'version: 1\nallow: [\n  { action: fs.list, resource: /w/a }, # one\n  { action: fs.stat, resource: /w/a } # two, or more\n  , { action: fs.read, resource: /w/new }\n]\n',
    ],
    [
      'in brackets behind a last comma',
      'version: 1\nallow: [\n  { action: fs.list, resource: /w/a },\n]\n',
      'version: 1\nallow: [\n  { action: fs.list, resource: /w/a },\n  { action: fs.read, resource: /w/new },\n]\n',
    ],
    [
      'with a list of its own where there is none',
      'version: 1\nmounts: { /w: ./w }\n# the end\n',
      'version: 1\nmounts: { /w: ./w }\nallow:\n  - action: fs.read\n    resource: /w/new\n# the end\n',
    ],
    ['in an empty file', '', 'version: 1\nallow:\n  - action: fs.read\n    resource: /w/new\n'],
    [
      'in a file of comments',
      '# none yet\n',
      '# none yet\nversion: 1\nallow:\n  - action: fs.read\n    resource: /w/new\n',
    ],
    [
      'behind a text of several lines',
      'version: 1\nallow:\n  - action: fs.list\n    resource: /w/a\n    when: |\n      1 <\n      2\n\ndeny: []\n',
      'version: 1\nallow:\n  - action: fs.list\n    resource: /w/a\n    when: |\n      1 <\n      2\n  - action: fs.read\n    resource: /w/new\n\ndeny: []\n',
    ],
    [
      'in the list of the bare shape',
      'capabilities:\n  - action: fs.list\n    resource: /w/a\n',
      'capabilities:\n  - action: fs.list\n    resource: /w/a\n  - action: fs.read\n    resource: /w/new\n',
    ],
    [
      'behind a byte order mark',
      '\ufeffversion: 1\nallow:\n- action: fs.list\n  resource: /w/a\n',
      '\ufeffversion: 1\nallow:\n- action: fs.list\n  resource: /w/a\n- action: fs.read\n  resource: /w/new\n',
    ],
    [
      'before the end of the document',
      'version: 1\nallow:\n  - { action: fs.list, resource: /w/a }\n...\n',
      'version: 1\nallow:\n  - { action: fs.list, resource: /w/a }\n  - { action: fs.read, resource: /w/new }\n...\n',
    ],
  ])('stands %s', (_, before, after) => {
    expect(added(before)).toBe(after)
    expect(loadPolicy(after, place).decide(question('fs.read', '/w/new')).effect).toBe('permit')
  })

  test.each([
    ['version: 1\nallow: [{ action: fs.list, resource: /w/a }]\n', 'on one line'],
    ['version: 1\nallow: []\n', 'on one line'],
    ['{ version: 1, allow: [{ action: fs.list, resource: /w/a }] }\n', 'in braces'],
    ['version: 1\ndeny: &d\n  - { action: fs.list, resource: /w/a }\nallow: *d\n', 'alias'],
    ['version: [\n', 'does not load'],
    ['- 1\n', 'no map'],
    ['version: 1\nallow: 7\n', 'no list'],
    ['version: 1\nallow: [\n  { action: fs.list, resource: /w/a }\n  , \n]\n', 'comma'],
  ])('is not written where no line can be added: %j', (text, words) => {
    expect(addRules(text, [rule])).toEqual({ problem: expect.stringContaining(words) as string })
  })

  test('leaves every old line as it is, byte for byte, whatever the file looks like', () => {
    const item = fc.record({
      action: fc.constantFrom('fs.list', 'fs.*', '"fs.write"', "'fn.x'"),
      resource: fc.constantFrom('/w/**', '"/w/\\u00e9"', "'**/x'", '"https://a.example/**"'),
      isFlow: fc.boolean(),
      comment: fc.constantFrom('', ' # c', '   #  tab\t', ' # ключ, }] "'),
      blank: fc.constantFrom('', '\n', '\n# between\n', '\n   \n'),
    })
    const file = fc.record({
      items: fc.array(item, { minLength: 1, maxLength: 4 }),
      indent: fc.constantFrom(0, 1, 2, 6),
      gap: fc.constantFrom(1, 3),
      end: fc.constantFrom('\n', '\r\n'),
      head: fc.constantFrom('', '# head\n\n', '\ufeff', '%YAML 1.2\n---\n'),
      tail: fc.constantFrom(
        '',
        'deny: []\n',
        '# last\n',
        '\n\n# x\ndeny:\n- { action: a.b, resource: "x" }\n',
        '...\n',
      ),
      isCut: fc.boolean(),
      rules: fc.array(
        fc.record({
          action: fc.constantFrom('fs.read', 'proc.exec'),
          resource: fc.constantFrom('/w/new', '/w/a b: c # d', '/w/"{', '/w/\u202e', 'https://b.example/x'),
          more: fc.constantFrom([], ['who: [role:x]'], ['constraint: { a: "}" }']),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    })
    fc.assert(
      fc.property(file, ({ items, indent, gap, end, head, tail, isCut, rules }) => {
        const pad = ' '.repeat(indent)
        const inner = ' '.repeat(indent + 1 + gap)
        const list = items.map(({ action, resource, isFlow, comment, blank }) =>
          isFlow
            ? `${pad}- { action: ${action}, resource: "${resource.replaceAll(/["'\\]/g, '')}" }${comment}\n${blank}`
            : `${pad}-${' '.repeat(gap)}action: ${action}${comment}\n${inner}resource: ${resource}${comment}\n${blank}`,
        )
        const whole = `${head}version: 1\nallow:\n${list.join('')}${tail}`
        const before = (isCut && tail === '' ? whole.trimEnd() : whole).replaceAll('\n', end)
        const old = loadPolicy(before, place)
        const after = added(before, rules)
        expect(onlyAdds(before, after)).toBe(true)
        const now = loadPolicy(after, place)
        expect(now.book.rules.length).toBe(old.book.rules.length + rules.length)
        const texts = now.book.rules.filter(({ effect }) => effect === 'allow').map(({ resource }) => resource.text)
        expect(texts.slice(-rules.length)).toEqual(rules.map(({ resource }) => resource))
        if (end === '\r\n') expect(after).not.toMatch(/[^\r]\n/)
      }),
      { numRuns: 500 },
    )
  })
})
