import type { Socket } from 'node:net'

/** What a server said: `250 ok`, its lines taken together. */
export interface Reply {
  readonly code: number
}

const replyBytes = 8192

/** What the other side of an SMTP connection says, a reply at a time. It is a stranger: it may say anything, and much of it. */
export class Replies {
  readonly #socket: Socket
  #heard = ''
  #isOver = false
  #wake: () => void = () => undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#heard += text
      if (this.#heard.length > replyBytes) socket.destroy()
      this.#wake()
    })
    // What went wrong is told by the end of the connection.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isOver = true
      this.#wake()
    })
  }

  /** Whether it has said something that nobody asked for. */
  get isAhead(): boolean {
    return this.#heard !== ''
  }

  /** @throws Error when the connection ends before a whole reply */
  async next(): Promise<Reply> {
    for (;;) {
      // The last line of a reply has a space after its code, the others a hyphen. @see RFC 5321 §4.2.1
      const reply = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(this.#heard)
      if (reply !== null) {
        this.#heard = this.#heard.slice(reply[0].length)
        return { code: Number(reply[1]) }
      }
      if (this.#isOver || this.#socket.destroyed) throw new Error('the connection ended')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
