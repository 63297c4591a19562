import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { loadPolicy, policyFromObject, type CompiledPolicy } from '../authority/policy/index.ts'
import { KernelError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'

/**
 * Reads and compiles a policy: a file's absolute path, or an object (whose mounts are relative to the working directory).
 *
 * @throws KernelError POLICY_NOT_FOUND or POLICY_INVALID
 */
export function readPolicy(source: string | object): CompiledPolicy {
  if (typeof source !== 'string') return policyFromObject(source, { baseDirectory: process.cwd() })
  return loadPolicy(readPolicyText(source), { file: source, baseDirectory: dirname(source) })
}

/** @throws KernelError POLICY_NOT_FOUND */
export function readPolicyText(file: string): string {
  try {
    const stat = statSync(file)
    if (!stat.isFile()) throw new KernelError('POLICY_NOT_FOUND', `\`${file}\` is not a file`)
    if (stat.size > limits.policyBytes)
      throw new KernelError('POLICY_NOT_FOUND', `\`${file}\` is larger than ${limits.policyBytes} bytes`)
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))
  } catch (cause) {
    if (cause instanceof KernelError) throw cause
    if (cause instanceof TypeError)
      throw new KernelError('POLICY_INVALID', `${file}:1:1: the file is not UTF-8 text; save it as UTF-8`, { cause })
    const advice = 'name one with `--policy FILE`, or make a starter with `kestrel init`'
    throw new KernelError('POLICY_NOT_FOUND', `\`${file}\`; ${advice}`, { cause })
  }
}
