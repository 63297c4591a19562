import { connect } from 'node:net'
import type { Answer, Progress } from 'kestrel-kernel/providers'
import { Replies } from './replies.ts'

/** Where mail is handed in, and how long that may take: less than the gate waits, so that the answer is the provider's. */
export interface Server {
  readonly host: string
  readonly port: number
  readonly deliveryMs?: number
}

export interface Delivery {
  readonly server: Server
  readonly from: string
  readonly to: string
  readonly message: string
  readonly signal: AbortSignal
  readonly report: (progress: Progress) => void
}

/**
 * Hands one message to a server, in plain SMTP as on a trusted line; yours would speak TLS and log in.
 *
 * Until the dot that ends the message has been sent, surely nothing was delivered: `none`. From then on only the server knows, so
 * without its reply it is `uncertain`; nothing but 250 is `done`.
 *
 * @see RFC 5321 §4.2.5 (what a reply to the dot means)
 */
export async function deliver({ server, from, to, message, signal, report }: Delivery): Promise<Answer> {
  if (signal.aborted) return stopped
  const socket = connect(server.port, server.host)
  let isDotSent = false
  const stop = (): void => {
    if (!isDotSent) socket.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  const timer = setTimeout(() => socket.destroy(), server.deliveryMs ?? 20_000)
  socket.once('close', () => clearTimeout(timer))
  const replies = new Replies(socket)
  const steps = [
    ['', 220],
    ['EHLO kestrel.invalid\r\n', 250],
    [`MAIL FROM:<${from}>\r\n`, 250],
    [`RCPT TO:<${to}>\r\n`, 250],
    ['DATA\r\n', 354],
  ] as const
  try {
    for (const [index, [command, expected]] of steps.entries()) {
      if (command !== '') socket.write(command)
      const { code } = await replies.next()
      if (code !== expected) return refused(code)
      report({ done: index + 1, total: steps.length + 1 })
    }
    // One that answers before it is asked would have its word taken for the message.
    if (replies.isAhead || signal.aborted) return signal.aborted ? stopped : refused(500)
    socket.write(message.replace(/^\./gm, '..'))
    isDotSent = true
    socket.write('.\r\n')
    const { code } = await replies.next()
    if (code === 250) return { effect: 'done' }
    return code >= 400 && code < 600 ? refused(code) : unsure
  } catch {
    if (isDotSent) return unsure
    return signal.aborted ? stopped : none('unreachable', 'the mail server could not be reached; try again', true)
  } finally {
    signal.removeEventListener('abort', stop)
    socket.end('QUIT\r\n')
    socket.destroySoon()
  }
}

const stopped: Answer = none('cancelled', 'it was cancelled before the message was sent', true)
const unsure: Answer = {
  effect: 'uncertain',
  error: {
    code: 'no_reply',
    message: 'the mail server did not say whether it took the message; ask the recipient before you send it again',
    retryable: false,
  },
}

function refused(code: number): Answer {
  return none('refused', `the mail server refused the message with ${code}`, code < 500)
}

function none(code: string, message: string, retryable: boolean): Answer {
  return { effect: 'none', error: { code, message, retryable } }
}
