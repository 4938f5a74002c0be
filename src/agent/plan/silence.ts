import { systemCode } from '../../core/errors.ts';

/** Nothing listens, nothing comes, or what came broke off. */
const SILENT = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTDOWN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'ETIMEDOUT'];

/** What only a process that runs can send: TLS or HTTP that is not what was expected. */
const SPOKEN = /^(?:ERR_(?:SSL|TLS)_|EPROTO$|HPE_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/;

/**
 * What a request that failed tells of the one that was asked: it is silent, or it speaks. Undefined if the fault is the asking side's, such
 * as a certificate that cannot be read: then nothing is known of the other.
 */
export function toldBy(error: unknown): 'silent' | 'speaks' | undefined {
  const code = systemCode(error) ?? '';
  if (SILENT.includes(code)) return 'silent';
  return SPOKEN.test(code) ? 'speaks' : undefined;
}
