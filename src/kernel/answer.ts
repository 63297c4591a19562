import type { JsonValue } from '../base/json.ts'
import { reasonTable, type ReasonCode } from '../base/reasons.ts'
import type { Answer, Failure } from '../effects/provider.ts'

const codePattern = /^[a-z][a-z0-9_]{0,63}$/
const messageLength = 1000

/**
 * A provider's answer if it has one of the shapes of `Answer`, else undefined. Its text is cut and its members are copied: a
 * provider is trusted to act, not to keep to types.
 *
 * Each member is read once, so that a getter cannot show this judgement one thing and the record another.
 */
export function readAnswer(value: unknown): Answer | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { effect, result, error, failed, refused, message, hint } = value as Record<string, unknown>
  if (typeof refused === 'string') return readRefusal(refused, message, hint)
  if (effect === 'done') return result === undefined ? { effect } : { effect, result: result as JsonValue }
  const failure = readFailure(error ?? failed)
  if (failure === undefined) return undefined
  if (effect === 'none' || effect === 'uncertain') return { effect, error: failure }
  return effect === undefined && failed !== undefined ? { failed: failure } : undefined
}

function readRefusal(refused: string, message: unknown, hint: unknown): Answer | undefined {
  if (!Object.hasOwn(reasonTable, refused) || typeof message !== 'string') return undefined
  return {
    refused: refused as ReasonCode,
    message: cut(message),
    ...(typeof hint === 'string' && { hint: cut(hint) }),
  }
}

function readFailure(value: unknown): Failure | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { code, message, retryable } = value as Record<string, unknown>
  if (typeof code !== 'string' || !codePattern.test(code) || typeof message !== 'string') return undefined
  return { code, message: cut(message), retryable: retryable === true }
}

function cut(text: string): string {
  return text.slice(0, messageLength).toWellFormed()
}
