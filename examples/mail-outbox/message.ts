/** What an agent wants to send, and who sends it. */
export interface Mail {
  readonly id: string
  readonly from: string
  /** Canonical, as the policy judged it. */
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly date: Date
}

/**
 * The message as it goes over the wire. Text and subject are encoded, so that neither can become a header, a line that is too
 * long, or the dot that ends a message.
 *
 * @see RFC 5322, RFC 2045 §6.8, RFC 2047
 */
export function compose({ id, from, to, subject, text, date }: Mail): string {
  const headers = [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${encodeSubject(subject)}`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}@${from.slice(from.indexOf('@') + 1)}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ]
  const body =
    Buffer.from(text)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  return [...headers, '', ...body, ''].join('\r\n')
}

/** To whom a message of ours goes. */
export function recipientOf(message: string): string | undefined {
  return /^To: <([^<>\r\n]+)>\r$/m.exec(message)?.[1]
}

/** In words of at most 75 characters, each of whole characters. */
function encodeSubject(subject: string): string {
  if (/^[ -~]{0,70}$/.test(subject) && !subject.includes('=?')) return subject
  const words: string[] = []
  for (const character of subject) {
    const longer = (words.at(-1) ?? '') + character
    if (words.length > 0 && Buffer.byteLength(longer) <= 45) words[words.length - 1] = longer
    else words.push(character)
  }
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ')
}
