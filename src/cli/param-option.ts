import { Option } from '@commander-js/extra-typings'

/** `--param name=value`, as often as needed. Returned anew for each command: an option belongs to one. */
export function paramOption(): Option<'--param <name=value>', undefined, undefined, readonly string[]> {
  return new Option(
    '--param <name=value>',
    'one param; a JSON number, true, false, list or object is sent as such where it fits',
  ).argParser((value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value])
}
