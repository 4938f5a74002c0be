import type { Check } from '../../capability/check.ts';

/** How a service outside answered: a status, or the code of the error that came in its place. */
export type Answer = { status: number } | { error: string };

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up now',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  TimeoutError: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

/**
 * For `health`: whether a service that the portal shows answers from this host. Any answer counts but a fault of the server (5xx): without
 * a token, most refuse. It never fails the stack, which serves without it.
 * @param key its key in `external`
 */
export function externalCheck(key: string, url: string, answer: Answer): Check {
  const id = `external.${key}`;
  const setting = `external.${key}.url`;
  if ('error' in answer)
    return {
      id,
      status: 'warn',
      message: `${url}: ${WORDS[answer.error] ?? answer.error} (${setting})`,
      remedy: `start it, or correct ${setting}`,
    };
  if (answer.status >= 500)
    return {
      id,
      status: 'warn',
      message: `${url} answers ${answer.status} (${setting})`,
      remedy: 'look at its own log: it is not part of this stack',
    };
  return { id, status: 'ok', message: `${url} answers (${setting})`, value: answer.status };
}
