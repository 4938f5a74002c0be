/** lego's lines that say that the CA does not know the account (RFC 8555, 6.7). */
export const UNKNOWN_ACCOUNT = /accountDoesNotExist/;

/**
 * lego's lines that say, or may say, that the CA does not accept the order's `replaces`: alreadyReplaced, or in words (Boulder,
 * Pebble). A CA that answers 5xx instead is hidden behind `badNonce`: lego 4.35 sends the same request with the same nonce once
 * more. Pebble does so for a certificate whose serial number begins with a zero byte, one in 256.
 */
export const UNKNOWN_PREDECESSOR = /alreadyReplaced|\bARI\b|error:badNonce/;
