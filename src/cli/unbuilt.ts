import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { KernelError } from '../base/errors.ts'

/** Commands of the contract whose engine this version does not have. They say so instead of looking like a typing error. */
const unbuilt: readonly string[] = [
  ...['approvals', 'approve', 'reject', 'modify'],
  ...['run', 'ps', 'inspect', 'scan', 'fork', 'resume', 'replay'],
  ...['mcp', 'serve', 'agent'],
]

/** Adds them to `program`, absent from its help. */
export function hideUnbuilt(program: CommandUnknownOpts): void {
  for (const name of unbuilt) program.addCommand(refusing(name), { hidden: true })
}

function refusing(name: string): CommandUnknownOpts {
  return new Command(name)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      const advice = '`kestrel --help` lists what is, and the README says what is planned'
      throw new KernelError('USAGE_INVALID', `\`${name}\` is not built in this version; ${advice}`)
    })
}
