const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const SCRATCH_CODES = 5;
/** 160 bits, as RFC 4226 recommends. */
const SECRET_BYTES = 20;

/** A second factor: its secret in base32 (RFC 4648), and codes that are good once each. */
export interface Factor {
  secret: string;
  scratch: string[];
}

/** @param random bytes, so many as it is asked for */
export function newFactor(random: (bytes: number) => Buffer): Factor {
  return { secret: base32(random(SECRET_BYTES)), scratch: Array.from({ length: SCRATCH_CODES }, () => scratchCode(random)) };
}

function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five, 2)]).join('');
}

/** Eight digits, the first of them not 0: what the module of PAM takes for a code of this kind. */
function scratchCode(random: (bytes: number) => Buffer): string {
  const span = 90_000_000;
  for (;;) {
    const number = random(4).readUInt32BE(0);
    // So that no code is more likely than another.
    if (number < Math.floor(2 ** 32 / span) * span) return String(10_000_000 + (number % span));
  }
}

/** What an authenticator app reads (Key URI Format): TOTP of RFC 6238 with SHA-1, six digits, 30 s. @param issuer percent-encoded */
export const otpauthOf = (issuer: string, name: string, secret: string): string =>
  `otpauth://totp/${issuer}:${name}?secret=${secret}&issuer=${issuer}`;
