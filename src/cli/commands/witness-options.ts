import { Option } from '@commander-js/extra-typings'

/** `--witness`, as often as needed; each option belongs to one command. */
export function witnessOption(
  description: string,
): Option<'--witness <key|file>', undefined, undefined, readonly string[]> {
  return new Option('--witness <key|file>', description).argParser(append)
}

/** `--log`, as often as needed. */
export function logOption(): Option<'--log <vkey|file>', undefined, undefined, readonly string[], true> {
  return new Option('--log <vkey|file>', 'the key of a log that may be cosigned, or its file; repeatable')
    .argParser(append)
    .makeOptionMandatory()
}

function append(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
