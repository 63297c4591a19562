import { isRefusal, type Refusal } from './refusal.ts'
import { originHash } from './cosigned-heads.ts'
import type { KnownLogs } from './judge.ts'
import { parseAddCheckpoint } from './request.ts'
import type { HeadStore, Witness } from './witness.ts'

/** What goes back over the wire. */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string | Uint8Array
}

/** A witness as others reach it. */
export interface Served {
  readonly witness: Witness
  readonly heads: Pick<HeadStore, 'read'>
  readonly logs: KnownLogs
}

const plainText = 'text/plain; charset=utf-8'
/** How a refusal says the size that it remembers. @see https://c2sp.org/tlog-witness "add-checkpoint" */
const sizeText = 'text/x.tlog.size'
const headPath = /^\/([0-9a-f]{64})\/checkpoint$/

/** `POST /add-checkpoint`. @throws whatever the store of heads throws; then nothing was cosigned */
export async function answerAddCheckpoint({ witness }: Served, body: Uint8Array): Promise<Answer> {
  const request = parseAddCheckpoint(body)
  if (isRefusal(request)) return refused(request)
  const { checkpoint, oldSize, proof } = request
  const found = await witness.cosign(checkpoint, () => ({ oldSize, proof }))
  if ('waiting' in found) return said(503, 'too many requests for this log are waiting; try again')
  return isRefusal(found) ? refused(found) : { status: 200, contentType: plainText, body: found.line }
}

/** `GET /<origin hash>/checkpoint`: the newest head that was cosigned, for monitors. */
export async function answerHead({ heads, logs }: Served, path: string): Promise<Answer> {
  const hash = headPath.exec(path)?.[1]
  const origin = [...logs.keys()].find((each) => originHash(each) === hash)
  const head = origin === undefined ? undefined : await heads.read(origin)
  if (head === undefined) return said(404, 'there is nothing here')
  return { status: 200, contentType: plainText, body: head.bytes }
}

export function said(status: number, words: string): Answer {
  return { status, contentType: plainText, body: `${words}\n` }
}

function refused({ status, says, size }: Refusal): Answer {
  return size === undefined ? said(status, says) : { status, contentType: sizeText, body: `${size}\n` }
}
