import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { FirewallBans } from '../../../src/bans/enforce/firewall-bans.ts';
import { tellOwnCut } from '../../../src/bans/enforce/unit.ts';
import type { Context } from '../../../src/capability/capability.ts';
import { writeRules } from '../../../src/firewall/store.ts';
import { open } from '../../../src/project/open.ts';
import { registry } from '../../../src/services/index.ts';
import { HOME } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

// The kernel’s part needs rights that a test has not: `nft` is a program that notes what it is to load, and refuses that where it is told to.
const NFT = `#!/bin/sh
case $* in
  'list tables inet') [ ! -e table ] || echo 'table inet medianest-bans_fwb' ;;
  '-f -') text=$(cat); [ ! -e refuses ] || { echo 'Could not process rule: Too many open files in system' >&2; exit 1; }
    printf '%s\\n' "$text" >>loaded; touch table ;;
esac
`;

let before: string | undefined;
let dir: string;
let tell: { deleted: unknown[] | null; new: unknown[] | null };
const at = (name: string) => path.join(dir, name);
const asked: string[] = [];

const ban = (value: string) => ({ duration: '1h0m0s', scope: 'Ip', type: 'ban', value });
const loaded = () => {
  const text = existsSync(at('loaded')) ? readFileSync(at('loaded'), 'utf8') : '';
  rmSync(at('loaded'), { force: true });
  return text;
};

beforeAll(() => {
  before = process.env.PATH;
});
afterAll(() => {
  process.env.PATH = before;
});

async function started(env: Record<string, string> = {}) {
  const warned: string[] = [];
  const context = {
    home: HOME,
    cwd: dir,
    env: { HOME: dir, ...env },
    report: { warn: (text: string) => warned.push(text) },
    version: '0.0.0',
    flags: {},
    registry: async () => registry,
    capabilities: async () => [],
    clock: { now: () => new Date() },
    signal: new AbortController().signal,
    engine: async () => ({
      observe: async () => [{ id: '1', service: 'crowdsec', state: 'running', ports: [] }],
      exec: async (_id: string, argv: readonly string[]) => {
        asked.push(argv.join(' '));
        return { exitCode: 0, output: JSON.stringify(tell) };
      },
      networks: async () => [],
    }),
  } as unknown as Context;
  const project = await open(context);
  writeRules(project.state, 'confirmed', 'table inet medianest_fwb {}\n', new Date());
  return { context, project, warned, bans: new FirewallBans(context) };
}

beforeEach(() => {
  dir = temporaryFolder('firewall-bans');
  mkdirSync(at('bin'));
  writeFileSync(at('bin/nft'), NFT.replace('case', `cd '${dir}'\ncase`), { mode: 0o755 });
  process.env.PATH = `${at('bin')}:${before}`;
  asked.length = 0;
  tell = { deleted: null, new: [ban('203.0.113.1')] };
  writeFileSync(
    at('medianest.yml'),
    'version: 1\nproject: fwb\nprofile: dev-compose\ncomponents: { crowdsec: true }\nfirewall: { enabled: true }\n',
  );
});

it('Bans that nft has refused are loaded as a whole in the next round, and not a quarter of an hour later', async () => {
  const { project, bans } = await started();
  expect(await bans.round(project, '')).toBe('');
  expect(loaded()).toContain('203.0.113.1 timeout 3600s');
  tell = { deleted: null, new: [ban('203.0.113.2')] };
  appendFileSync(at('refuses'), '');
  expect(await bans.round(project, '')).toContain('Too many open files');
  rmSync(at('refuses'));
  tell = { deleted: null, new: null };
  expect(await bans.round(project, '')).toBe('');
  expect(loaded()).toMatch(/203\.0\.113\.2 timeout .*203\.0\.113\.1 timeout/);
  expect(asked).toEqual(['decisions all', 'decisions new', 'decisions new']);
  // And no more than that.
  expect(await bans.round(project, '')).toBe('');
  expect(loaded()).toBe('');
});

it('Bans are kept in force where what is said of them cannot be written, and that is told', async () => {
  const { project, bans } = await started();
  mkdirSync(project.state.at('firewall/bans.json'));
  expect(await bans.round(project, '')).toMatch(/bans\.json/);
  expect(loaded()).toContain('203.0.113.1 timeout');
});

it('A table that `firewall remove` has removed does not come back while the program still runs', async () => {
  const { project, bans } = await started();
  await bans.round(project, '');
  expect(loaded()).toContain('table inet medianest-bans_fwb');
  for (const name of ['table', '.medianest/firewall']) rmSync(at(name), { recursive: true });
  expect(await bans.round(project, '')).toBe('');
  expect(loaded()).toBe('');
  expect(existsSync(at('.medianest/firewall'))).toBe(false);
});

it.each([
  ['203.0.113.9', 22, [expect.stringContaining('this session comes from 203.0.113.9, which a ban keeps from port 22, too')]],
  ['::ffff:203.0.113.9', 22, [expect.stringContaining('firewall.operators or bans.never')]],
  ['203.0.113.9', 2222, []],
  ['192.168.1.7', 22, []],
  ['198.51.100.7', 22, []],
])('Who keeps bans in the firewall from %s by port %d is warned of them: %j', async (client, port, told) => {
  appendFileSync(at('medianest.yml'), 'bans: { hostLogs: true, never: [198.51.100.0/24] }\n');
  const { context, project, warned } = await started({ SSH_CONNECTION: `${client} 50000 203.0.113.200 ${port}` });
  await tellOwnCut(context, project, [22]);
  expect(warned).toEqual(told);
});
