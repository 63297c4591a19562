import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from '../act.ts'
import { logOption } from './witness-options.ts'

/** `kestrel witness …`: its commands, each loaded when it is asked for. */
export function witnessCommand(act: Act): CommandUnknownOpts {
  const witness = new Command('witness')
    .description('cosign the checkpoints of logs for others, or have a witness cosign those of this log')
    .helpCommand(false)
  for (const command of [keyCommand(act), serveCommand(act), cosignCommand(act), requestCommand(act)]) {
    witness.addCommand(command)
  }
  return witness
}

function keyCommand(act: Act): CommandUnknownOpts {
  return new Command('key')
    .description('the public key of a witness')
    .requiredOption('--key <file>', 'the key file of the witness')
    .option('--new <name>', 'make that file, for a witness of this name, as `witness.example/w1`; overwrites nothing')
    .action((options) =>
      act(async (world) => (await import('./witness-key.ts')).witnessKey(world, options.key, options.new)),
    )
}

function serveCommand(act: Act): CommandUnknownOpts {
  return new Command('serve')
    .description('answer logs over HTTP, as C2SP tlog-witness says')
    .requiredOption('--listen <host:port>', 'where; put a TLS proxy in front of anything but loopback')
    .requiredOption('--state <dir>', 'what the witness remembers; made when missing')
    .requiredOption('--key <file>', 'the key file of the witness')
    .addOption(logOption())
    .action((options) => act(async (world) => (await import('./witness-serve.ts')).witnessServe(world, options)))
}

function cosignCommand(act: Act): CommandUnknownOpts {
  return new Command('cosign')
    .description('cosign one checkpoint from files and print the line to add to it')
    .argument('<log>', 'ledger folder, or a checkpoint file in one')
    .requiredOption('--state <dir>', 'what the witness remembers; made when missing')
    .requiredOption('--key <file>', 'the key file of the witness')
    .addOption(logOption())
    .action((log, options) =>
      act(async (world) => (await import('./witness-cosign.ts')).witnessCosign(world, log, options)),
    )
}

function requestCommand(act: Act): CommandUnknownOpts {
  return new Command('request')
    .description('have a witness cosign the checkpoint of this log, and add its line to it')
    .argument('<url>', 'of the witness: https, or http on this machine')
    .option('--witness <key|file>', 'the key of the witness; without it the answer is not checked')
    .action((url, { witness }) =>
      act(async (world) => (await import('./witness-request.ts')).witnessRequest(world, url, witness)),
    )
}
