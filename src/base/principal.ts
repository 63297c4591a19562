import { KernelError } from './errors.ts'
import { limits } from './limits.ts'

/** On whose authority a request is made. What the kernel knows, never what a request says. */
export interface Principal {
  readonly id: string
  readonly roles: readonly string[]
}

const idPattern = /^[^\p{C}\p{Z}]+$/u

/** A frozen copy of a principal. @throws KernelError PRINCIPAL_INVALID */
export function readPrincipal(input: { readonly id: string; readonly roles?: readonly string[] }): Principal {
  if (typeof input !== 'object' || input === null)
    throw new KernelError('PRINCIPAL_INVALID', 'it must be an object with `id`')
  for (const field of Object.keys(input)) {
    if (field !== 'id' && field !== 'roles')
      throw new KernelError('PRINCIPAL_INVALID', 'it has `id` and `roles`, and nothing else')
  }
  const given: unknown = input.roles ?? []
  // Text is a list of its characters to a spread: `admin` would become five roles.
  if (!Array.isArray(given)) throw new KernelError('PRINCIPAL_INVALID', 'its roles must be a list')
  const roles: readonly unknown[] = [...given]
  if (roles.length > limits.rolesPerPrincipal) {
    throw new KernelError('PRINCIPAL_INVALID', `more than ${limits.rolesPerPrincipal} roles`)
  }
  return Object.freeze({
    id: readName(input.id, 'id'),
    roles: Object.freeze(roles.map((role) => readName(role, 'role'))),
  })
}

function readName(name: unknown, what: string): string {
  if (typeof name !== 'string' || name.length > limits.principalLength || !idPattern.test(name)) {
    const rule = `1 to ${limits.principalLength} characters without spaces or control characters`
    throw new KernelError('PRINCIPAL_INVALID', `its ${what} must have ${rule}`)
  }
  return name
}
