import { renderUnicodeCompact } from 'uqr';

/** A text as a QR code of two rows a line, light on dark, with the least correction: a terminal is clean, and has few lines. */
export const qrLines = (text: string): string => renderUnicodeCompact(text, { ecc: 'L', border: 2 });
