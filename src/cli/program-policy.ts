import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { paramOption } from './param-option.ts'
import type { Act } from './act.ts'

/** `kestrel policy …`: its commands, each loaded when it is asked for. */
export function policyCommand(act: Act): CommandUnknownOpts {
  const policy = new Command('policy').description('check, test and question a policy file').helpCommand(false)
  for (const command of [checkCommand(act), testCommand(act), policyExplainCommand(act)]) policy.addCommand(command)
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
    .action((files) => act(async (world) => (await import('./commands/policy-test.ts')).policyTest(world, files)))
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
