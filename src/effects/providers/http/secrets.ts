import { limits } from '../../../base/limits.ts'
import { isFieldValue } from './headers.ts'
import { referencesIn, replaceReferences } from './reference.ts'
import type { PlannedRequest } from './request.ts'
import { fail, refuse } from './stop.ts'
import { liesBelow, parseUrl, type WebUrl } from './url.ts'

/** A secret of the operator's, and where it may go. */
export interface Secret {
  readonly value: string
  /** Origins as `https://api.example.com`, or with a path below which it may be sent. */
  readonly to: readonly string[]
}

/** Where the operator keeps secrets. Asked at every use, and never for what no policy has let through. */
export interface SecretSource {
  /** @param name matches `secretName` */
  find(name: string): Secret | undefined | Promise<Secret | undefined>
  /** Where they lie on this machine, absolute: out of reach of every action. */
  readonly places?: readonly string[]
}

/** Secrets of one request by name, once they are known. */
export type KnownSecrets = ReadonlyMap<string, Secret>

/**
 * Finds what `request` refers to, each secret once, and makes sure that it may go where the request goes.
 *
 * @param known what an earlier step of the same request has found; what is found is added
 * @throws Stop `secret_unknown`, `secret_unusable`, or a refusal `secret_not_for_here`; none of them holds a value
 */
export async function findSecrets(
  request: PlannedRequest,
  source: SecretSource | undefined,
  known: Map<string, Secret>,
): Promise<void> {
  for (const name of namesIn(request)) {
    const secret = known.get(name) ?? (await findOne(name, source))
    if (!known.has(name) && known.size >= limits.secretsPerRequest) {
      throw fail('secret_unusable', `a request may refer to at most ${limits.secretsPerRequest} secrets`)
    }
    known.set(name, secret)
    assertFor(name, secret, request.url)
  }
}

/** The text that is sent: every reference by its value. */
export function fill(text: string, known: KnownSecrets): string {
  return replaceReferences(text, (name) => known.get(name)?.value ?? '')
}

function namesIn({ headers, body }: PlannedRequest): ReadonlySet<string> {
  const texts = headers.map(([, value]) => value)
  if (typeof body === 'string') texts.push(body)
  return new Set(texts.flatMap(referencesIn))
}

async function findOne(name: string, source: SecretSource | undefined): Promise<Secret> {
  if (source === undefined) throw fail('secret_unknown', `the operator has given no source for the secret \`${name}\``)
  let found: Secret | undefined
  try {
    found = await source.find(name)
  } catch {
    // What a source throws may hold anything.
    throw unusable(name, 'its source failed; the operator finds out more there')
  }
  if (found === undefined) throw fail('secret_unknown', `the operator has no secret \`${name}\``)
  const { value, to } = found
  if (typeof value !== 'string' || !isFieldValue(value)) throw unusable(name, 'it is no single line of ASCII')
  if (value.length < limits.secretShortest)
    throw unusable(name, `it is shorter than ${limits.secretShortest} characters`)
  if (value.length > limits.secretBytes) throw unusable(name, `it is longer than ${limits.secretBytes} characters`)
  if (!Array.isArray(to) || to.length > limits.secretPlaces) throw unusable(name, 'the list of where it may go is none')
  return { value, to: [...to] }
}

function unusable(name: string, why: string): Error {
  return fail('secret_unusable', `the secret \`${name}\` cannot be used: ${why}`)
}

function assertFor(name: string, secret: Secret, url: WebUrl): void {
  const isFor = secret.to.some((place) => {
    const known = parseUrl(place)
    return !('problem' in known) && known.canonical === known.display && liesBelow(url, known)
  })
  if (!isFor) throw refuse('secret_not_for_here', `the secret \`${name}\` may not be sent to \`${url.display}\``)
}
