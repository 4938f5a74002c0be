import { randomBytes } from 'node:crypto';
import type { CaaRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { systemCode, UserError } from '../../core/errors.ts';
import type { AcmeSettings } from '../../settings/certificate-fields.ts';
import type { Directory } from './directory.ts';

const refuse = (why: string, hint: string): UserError =>
  new UserError(
    'CERTIFICATE_FAILED',
    `${why}; the ACME server was not asked`,
    `${hint}; certificates.acme.preflight: false skips these checks`,
  );

/** Before an order: finds what would fail at the CA and use up its limits. @throws UserError CERTIFICATE_FAILED */
export async function preflight(names: readonly string[], acme: AcmeSettings, directory: Directory, webroot: string): Promise<void> {
  const resolver = new Resolver({ timeout: 5000, tries: 2 });
  if (acme.dns.resolvers.length > 0) resolver.setServers(acme.dns.resolvers);
  for (const name of names) {
    await checkCaa(name, directory.meta?.caaIdentities ?? [], resolver);
    if (acme.challenge !== 'dns') await checkReach(name, acme.challenge, resolver, webroot);
  }
}

/** The nearest CAA records upwards (RFC 8659) allow this CA, or there are none. */
async function checkCaa(name: string, identities: readonly string[], resolver: Resolver): Promise<void> {
  const wildcard = name.startsWith('*.');
  const labels = name.replace(/^\*\./, '').split('.');
  for (let at = 0; at < labels.length; at++) {
    const zone = labels.slice(at).join('.');
    const records = await caaOf(zone, resolver);
    if (records.length === 0) continue;
    const wild = records.filter((record) => record.issuewild !== undefined).map((record) => record.issuewild as string);
    const plain = records.filter((record) => record.issue !== undefined).map((record) => record.issue as string);
    const allowed = wildcard && wild.length > 0 ? wild : plain;
    const fits = allowed.some((value) => identities.includes((value.split(';')[0] ?? '').trim()));
    if (identities.length === 0 || allowed.length === 0 || fits) return;
    throw refuse(
      `the CAA records of ${zone} allow ${allowed.map((value) => value || 'no CA').join(', ')} to issue certificates for ${name}, and this CA is ${identities.join(', ')}`,
      `add a record: ${zone} CAA 0 ${wildcard ? 'issuewild' : 'issue'} "${identities[0]}"`,
    );
  }
}

async function caaOf(zone: string, resolver: Resolver): Promise<CaaRecord[]> {
  try {
    return await resolver.resolveCaa(zone);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENODATA' || code === 'ENOTFOUND') return [];
    throw refuse(
      `the name server does not say whether CAA records of ${zone} allow this CA (${code})`,
      'see that your zone’s name servers answer (dig CAA NAME)',
    );
  }
}

async function checkReach(name: string, challenge: 'http' | 'tls-alpn', resolver: Resolver, webroot: string): Promise<void> {
  const addresses = (await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])).flatMap((answer) =>
    answer.status === 'fulfilled' ? answer.value : [],
  );
  if (addresses.length === 0)
    throw refuse(`${name} leads nowhere: it has no address`, `add an A or AAAA record for ${name} with this host’s public address`);
  // On port 443 the server that would answer runs only during the order.
  if (challenge === 'tls-alpn') return;
  const token = `medianest-${randomBytes(12).toString('hex')}`;
  const folder = path.join(webroot, '.well-known', 'acme-challenge');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const file = path.join(folder, token);
  try {
    writeFileSync(file, token, { mode: 0o644 });
    for (const address of addresses) {
      const answer = await fetchText(address, name, `/.well-known/acme-challenge/${token}`);
      if (answer === token) continue;
      throw refuse(
        `http://${name}/ at ${address} does not lead to this edge: ${answer}`,
        'let port 80 of that address (router, firewall) lead to `edge.httpPort` of this host, or use the challenge `dns`',
      );
    }
  } finally {
    rmSync(file, { force: true });
  }
}

/** What is served there, or why nothing is. */
function fetchText(address: string, host: string, where: string): Promise<string> {
  return new Promise((resolve) => {
    const request = http.get(
      { host: address, port: 80, path: where, headers: { host }, timeout: 5000, family: net.isIP(address) },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part.slice(0, 200);
        });
        response.on('end', () => resolve(response.statusCode === 200 ? text : `it answers with status ${response.statusCode}`));
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.on('error', (error) => resolve(error.message));
  });
}
