// @ts-check
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError, describe } from './errors.js';

/** @typedef {NonNullable<import('./config.js').Config['tls']>} TlsFiles */

/**
 * The pair as it is on the disk now. Any fault in it is reported here, while the old one can still be kept.
 * @param {TlsFiles} files
 * @returns {import('node:tls').SecureContextOptions & {cert: Buffer}}
 */
function readPair(files) {
  const cert = readFileSync(files.certificate);
  const key = readFileSync(files.key);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) throw new Error('the certificate does not belong to the key');
  return { cert, key, minVersion: 'TLSv1.2' };
}

/** @param {TlsFiles | undefined} files */
export function tlsOptions(files) {
  try {
    return files && readPair(files);
  } catch (error) {
    throw new ConfigError(`TLS_CERT_FILE, TLS_KEY_FILE: ${describe(error)}`);
  }
}

/**
 * Takes a renewed certificate: new connections get it, open ones continue as they are. A broken pair is reported
 * and the old one stays.
 * @param {import('node:https').Server} server
 * @param {TlsFiles} files
 * @param {import('./logging.js').Logger} log
 */
export function reloadPair(server, files, log) {
  try {
    const pair = readPair(files);
    server.setSecureContext(pair);
    const { serialNumber, validTo } = new X509Certificate(pair.cert);
    log.info({ serial: serialNumber, validTo }, 'certificate reloaded');
  } catch (error) {
    log.error({ err: error }, `the certificate was not reloaded, the old one stays: ${describe(error)}`);
  }
}
