// @ts-check
import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from './data-postgres.mjs';

const EVERY_MS = 100;
// Taken by the member alone, without waiting for a standby: the strictest question whether it leads.
const WRITE = `INSERT INTO fault_watch (member) VALUES ($1) RETURNING left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline`;
const STANDBY = '25006';

/** @typedef {{service: string, address: string}} Member */

/**
 * Asks each member, past the router, whether it leads: its REST API, and by a write of its own.
 * @param {readonly Member[]} members
 * @param {import('./data-postgres.mjs').Target} target of the router: what is the same for all
 */
export function watch(members, target) {
  const own = (/** @type {string} */ file) => readFileSync(path.join(target.clientFolder ?? '', file));
  const agent = new https.Agent({ keepAlive: true, ca: readFileSync(target.caFile), cert: own('fullchain.pem'), key: own('privkey.pem') });
  /** @type {import('./one-leader.mjs').Write[]} */
  const taken = [];
  /** @type {import('./one-leader.mjs').Claim[]} */
  const claims = [];
  /** @type {Record<string, {rest: number, writes: number}>} */
  const counts = Object.fromEntries(members.map(({ service }) => [service, { rest: 0, writes: 0 }]));
  let going = true;

  const rest = async (/** @type {Member} */ { service, address }) => {
    while (going) {
      const began = performance.now();
      if (await saysSo(agent, service, address).catch(() => false)) {
        claims.push({ member: service, began, ended: performance.now() });
        counts[service].rest++;
      }
      await sleep(EVERY_MS);
    }
  };
  const writes = async (/** @type {Member} */ { service, address }) => {
    /** @type {Awaited<ReturnType<typeof connect>> | undefined} */
    let client;
    while (going) {
      try {
        client ??= await connect({ ...target, host: address, port: 5432 }, { timeoutMs: 1000, more: '-c synchronous_commit=local' });
        const began = performance.now();
        const { rows } = await client.query(WRITE, [service]);
        taken.push({
          timeline: Number.parseInt(rows[0].timeline, 16),
          member: service,
          began,
          ended: performance.now(),
          what: 'a write that was asked of its member',
        });
        counts[service].writes++;
      } catch (/** @type {any} */ error) {
        if (error.code !== STANDBY) {
          client?.drop();
          client = undefined;
        }
      }
      await sleep(EVERY_MS);
    }
    client?.drop();
  };
  const ended = Promise.all(members.flatMap((member) => [rest(member), writes(member)]));
  return {
    taken,
    claims,
    counts,
    stop: async () => {
      going = false;
      await ended;
      agent.destroy();
    },
  };
}

/** @returns {Promise<boolean>} whether a member says that it leads */
function saysSo(/** @type {https.Agent} */ agent, /** @type {string} */ service, /** @type {string} */ address) {
  return new Promise((resolve, reject) => {
    const call = https.get({ host: address, port: 8008, path: '/primary', servername: service, agent, timeout: 1000 }, (response) => {
      response
        .resume()
        .on('error', reject)
        .on('end', () => resolve(response.statusCode === 200));
    });
    call.on('timeout', () => call.destroy(new Error('no answer in 1 s'))).on('error', reject);
  });
}
