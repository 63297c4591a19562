/**
 * Why a witness does not cosign, in the numbers of HTTP.
 *
 * 400: not a request, or one that contradicts itself · 403: not signed by the log · 404: no log of this witness · 409: the
 * request starts from another size than the witness remembers · 422: what it remembers is not what the checkpoint extends
 *
 * @see https://c2sp.org/tlog-witness "add-checkpoint"
 */
export interface Refusal {
  readonly status: 400 | 403 | 404 | 409 | 422
  readonly says: string
  /** With 409: the tree size that the witness remembers. */
  readonly size?: number
}

export function refuse(status: Exclude<Refusal['status'], 409>, says: string): Refusal {
  return { status, says }
}

export function isRefusal(value: object): value is Refusal {
  return 'status' in value
}
