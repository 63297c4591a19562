import { Command, Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { paramOption } from './param-option.ts'
import type { Act } from './act.ts'

/** `kestrel policy …`: its commands, each loaded when it is asked for. */
export function policyCommand(act: Act): CommandUnknownOpts {
  const policy = new Command('policy').description('check, test and question a policy file').helpCommand(false)
  const commands = [checkCommand, testCommand, policyExplainCommand, allowCommand, suggestCommand, replayCommand]
  for (const command of commands) policy.addCommand(command(act))
  return policy
}

function checkCommand(act: Act): CommandUnknownOpts {
  return new Command('check')
    .description('say what is wrong with a policy file, with line and column')
    .argument('[file]', 'policy file (default: the one of `--policy`)')
    .action((file) => act(async (world) => (await import('./commands/policy-check.ts')).policyCheck(world, file)))
}

function testCommand(act: Act): CommandUnknownOpts {
  return new Command('test')
    .description('ask the policy the cases of YAML files: lists of {action, resource, params?, as?, expect, reason?}')
    .argument('<file...>', 'files with cases')
    .option('--coverage', 'also how many cases each rule decided')
    .action((files, options) =>
      act(async (world) => (await import('./commands/policy-test.ts')).policyTest(world, files, options)),
    )
}

function policyExplainCommand(act: Act): CommandUnknownOpts {
  return new Command('explain')
    .description('what the policy says of a request and why; for a denial the smallest rule that would allow it')
    .argument('<action>', 'as `fs.read`')
    .argument('<resource>', 'as `/workspace/data.csv`')
    .addOption(paramOption())
    .option('--params <json>', 'all params as one JSON object')
    .option('--as <id[:role,role]>', 'on whose authority (default `local`, without roles)')
    .action((action, resource, options) =>
      act(async (world) =>
        (await import('./commands/policy-explain.ts')).policyExplain(world, { action, resource, ...options }),
      ),
    )
}

function allowCommand(act: Act): CommandUnknownOpts {
  return new Command('allow')
    .description('add to the policy file the smallest rule that permits what an entry was refused; shows it and asks')
    .argument('<seq>', 'number of the entry')
    .option('--yes', 'write it without asking')
    .addOption(whoOption())
    .addOption(rolesOption())
    .action((seq, options) =>
      act(async (world) => (await import('./commands/policy-allow.ts')).policyAllow(world, seq, options)),
    )
}

function suggestCommand(act: Act): CommandUnknownOpts {
  return new Command('suggest')
    .description('a policy for what the log saw permitted, as YAML: few rules, and none that permits what was refused')
    .option('--from <seq>', 'start at this entry')
    .option('--since <time>', 'only later requests: `2026-01-31T12:00:00Z`, or `90s`, `15m`, `2h`, `7d` ago')
    .option('--as <id>', 'only requests of this principal')
    .option('--who', 'name in each rule the principals that asked')
    .option('--learn', 'also what was asked and no rule allowed; never what a deny rule forbade')
    .action((options) =>
      act(async (world) => (await import('./commands/policy-suggest.ts')).policySuggest(world, options)),
    )
}

function replayCommand(act: Act): CommandUnknownOpts {
  return new Command('replay')
    .description('decide what the log holds under another policy, and tell which decisions change')
    .argument('<file>', 'the other policy')
    .option('--from <seq>', 'start at this entry')
    .option('--limit <n>', 'list at most so many changes; all are counted')
    .addOption(rolesOption())
    .action((file, options) =>
      act(async (world) => (await import('./commands/policy-replay.ts')).policyReplay(world, file, options)),
    )
}

/** The log holds no roles. Returned anew for each command: an option belongs to one. */
function rolesOption(): Option<'--roles <id:role,role>', undefined, undefined, readonly string[]> {
  return new Option(
    '--roles <id:role,role>',
    'roles of a principal, which the log does not hold; repeatable',
  ).argParser(collect)
}

function whoOption(): Option<'--who <who>', undefined, undefined, readonly string[]> {
  return new Option(
    '--who <who>',
    'for whom: `role:NAME`, `principal:ID`, `agent:ID` or `anyone`; repeatable',
  ).argParser(collect)
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
