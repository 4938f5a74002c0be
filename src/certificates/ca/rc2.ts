/**
 * RC2 (RFC 2268) in CBC, to read alone: Windows and OpenSSL before 3 encrypt the certificates of a PKCS#12 file so, and Node.js’ OpenSSL
 * has it no more.
 */
const TABLE = Buffer.from(
  '2Xj5xBndte0o6f15SqDYncZ+N4MrdlOOYkxkiESL+6IXmln1h7NPE2FFbY0JgX0yvY9A64a3ewvwlSEiXGtOglTWZZPOYLIcc1bAFKeM8dwSdcofO77k0UI91DCjPLYm' +
    'b78O2kZpB1cn8h2bvJRDA/gRx/aQ7z7nBsPVL8hmHtcI6OregFLu94Sqcqw1TWoqlhrScVoVSXRLn9BeBBik7MLgQW4PUcvMJJGvUKH0cDmZfDqFI7i0evwCNlslVZcx' +
    'LV36mOOKkq4F3ykQZ2y6ydMA5s/hnqgsYxYBP1jiiakNODQbqzP/sLtIDF+5sc0uxfPbR+WlnHcKpiBo/n/BrQ==',
  'base64',
);
const SHIFTS = [1, 2, 3, 5];
const BLOCK = 8;

/** The 64 words that the rounds take, of a key whose effective length is its own. */
function expand(key: Buffer): Uint16Array {
  const bytes = Buffer.concat([key, Buffer.alloc(128 - key.length)]);
  const substitute = (value: number) => TABLE[value & 0xff] as number;
  const at = (index: number) => bytes[index] as number;
  for (let i = key.length; i < 128; i++) bytes[i] = substitute(at(i - 1) + at(i - key.length));
  bytes[128 - key.length] = substitute(at(128 - key.length));
  for (let i = 127 - key.length; i >= 0; i--) bytes[i] = substitute(at(i + 1) ^ at(i + key.length));
  return Uint16Array.from({ length: 64 }, (_, i) => bytes.readUInt16LE(2 * i));
}

/** @returns undefined where its padding is wrong: the key is another one */
export function decryptRc2(key: Buffer, iv: Buffer, data: Buffer): Buffer | undefined {
  const words = expand(key);
  const plain = Buffer.alloc(data.length);
  for (let start = 0; start + BLOCK <= data.length; start += BLOCK) {
    const block = Uint16Array.from({ length: 4 }, (_, i) => data.readUInt16LE(start + 2 * i));
    const of = (index: number) => block[index & 3] as number;
    for (let round = 15; round >= 0; round--) {
      for (let i = 3; i >= 0; i--) {
        const shift = SHIFTS[i] as number;
        const turned = (of(i) >>> shift) | (of(i) << (16 - shift));
        block[i] = turned - (words[4 * round + i] as number) - (of(i + 3) & of(i + 2)) - (~of(i + 3) & of(i + 1));
      }
      if (round === 11 || round === 5) for (let i = 3; i >= 0; i--) block[i] = of(i) - (words[of(i + 3) & 63] as number);
    }
    const before = start === 0 ? iv : data.subarray(start - BLOCK, start);
    block.forEach((word, i) => {
      plain.writeUInt16LE(word ^ before.readUInt16LE(2 * i), start + 2 * i);
    });
  }
  const padding = plain.at(-1) ?? 0;
  const end = plain.length - padding;
  const right = data.length % BLOCK === 0 && padding >= 1 && padding <= BLOCK && plain.subarray(end).every((byte) => byte === padding);
  return right ? plain.subarray(0, end) : undefined;
}
