// @ts-check

/** An address alone, or with a name before it: `MediaNest <medianest@example.org>`. */
const SENDER = /^(?:([^<>\r\n]*?)\s*<)?([^\s<>@,;:"]+@[^\s<>@,;:"]+)>?$/;
/** Of an encoded word: with what stands around it, below the 75 characters of RFC 2047. */
const MOST_BYTES = 42;

/**
 * @param {string} text
 * @returns {{name: string, address: string} | undefined} undefined where it is no sender
 */
export function readSender(text) {
  const [, name = '', address] = SENDER.exec(text.trim()) ?? [];
  // Older servers take nothing but ASCII here (RFC 6531).
  return address && /^[\x21-\x7e]+$/.test(address) && !/[\p{Cc}]/u.test(name)
    ? { name: name.replace(/^"(.*)"$/, '$1'), address }
    : undefined;
}

/**
 * A mail of plain text (RFC 5322), its lines ended as SMTP wants it. The text is in base64: no line of it begins with a dot.
 * @param {{from: {name: string, address: string}, to: string, subject: string, text: string, id: string, date: Date}} mail `id`: the same for
 *   the same mail, so that one that is sent twice is shown once
 * @returns {string}
 */
export function mailText({ from, to, subject, text, id, date }) {
  const body = Buffer.from(text, 'utf8').toString('base64').replace(/.{76}/g, '$&\r\n');
  return [
    `From: ${from.name === '' ? from.address : `${phrase(from.name)} <${from.address}>`}`,
    `To: ${to}`,
    `Subject: ${words(subject)}`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}@${from.address.split('@')[1]}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    'Auto-Submitted: auto-generated',
    '',
    body,
    '',
  ].join('\r\n');
}

/** @param {string} name */
const phrase = (name) => (/^[\x20-\x7e]*$/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : words(name));

/** As encoded words (RFC 2047), none of which ends within a character. @param {string} text */
function words(text) {
  /** @type {string[]} */
  const parts = [];
  for (const character of text.replace(/[\p{Cc}]+/gu, ' ')) {
    const last = parts.at(-1);
    if (last !== undefined && Buffer.byteLength(last + character) <= MOST_BYTES) parts[parts.length - 1] = last + character;
    else parts.push(character);
  }
  return parts.map((part) => `=?utf-8?B?${Buffer.from(part, 'utf8').toString('base64')}?=`).join('\r\n ');
}
