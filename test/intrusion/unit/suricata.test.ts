import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSuricataRules } from '../../../src/reconcile/sources.ts';
import { HOME } from '../../support/cli.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const file = (more = '') => `components: { suricata: true }\n${more}`;
const stack = (more?: string) => stackOf(load({ flags: { profile: 'dev-compose' }, file: file(more) }));
const configured = (more?: string) =>
  rendered(stack(more)).files.find(({ path: name }) => name === 'suricata/suricata.yaml')?.contents ?? '';

describe('Suricata', () => {
  it('has the interfaces of the host, one capability and no port', () => {
    const service = stack().services.find(({ name }) => name === 'suricata');
    expect(service).toMatchObject({ networks: [], hostNetwork: true, ports: [], mounts: [], secrets: [] });
    const compose = rendered(stack()).files.find(({ path: name }) => name === 'compose.yml')?.contents ?? '';
    const [, own = ''] = /\n {2}suricata:\n([\s\S]*?)\n(?: {2}\S|\S)/.exec(compose) ?? [];
    expect(own).toContain('network_mode: "host"');
    expect(own).toMatch(/cap_add:\n +- "NET_RAW"\n(?! +- )/);
  });

  it('tells the agent its figures where the stack is monitored, and no other container does', () => {
    const agent = (more: string) => {
      const file = `components: { suricata: true, agent: true, engine-proxy: true }\n${more}`;
      const { files } = rendered(stackOf(load({ flags: { profile: 'dev-compose' }, file })));
      return JSON.parse(files.find(({ path: name }) => name === 'agent/agent.json')?.contents ?? '') as {
        metrics: { figures?: Record<string, { name: string }[]> } | null;
      };
    };
    expect(agent('observability: off').metrics).toBeNull();
    const { figures = {} } = agent('observability: light').metrics ?? {};
    expect(Object.keys(figures)).toEqual(['suricata']);
    const program = readFileSync(path.join(HOME, 'templates/suricata/image/figures'), 'utf8');
    for (const { name } of figures.suricata ?? []) expect(program).toContain(`figure("${name.replace('medianest_suricata_', '')}`);
  });

  it('is refused without the edge', () => {
    expect(
      () =>
        stack('').services && stackOf(load({ flags: { profile: 'dev-compose' }, file: 'components: { suricata: true, edge: false }\n' })),
    ).toThrow(/suricata needs the edge/);
  });

  it('knows the addresses of dmz of both kinds', () => {
    expect(configured()).toMatch(/HOME_NET: "\[[\d.]+\/\d+\]"/);
    const ipv6 = stack('edge: { address: every }\n').networks.find(({ name }) => name === 'dmz')?.ipv6;
    expect(ipv6).toMatch(/^fd/);
    expect(configured('edge: { address: every }\n')).toMatch(new RegExp(`HOME_NET: "\\[[\\d.]+/\\d+,${ipv6}\\]"`));
  });

  it('tells of connections from dmz where no container of it calls outside, and reads the operator’s rules', () => {
    expect(configured()).toContain('quiet.rules');
    expect(configured()).toContain('  - /etc/medianest/current/own-house.rules');
    const acme = 'edge: { domains: [media.example.org], certificates: [{ names: [media.example.org], issuer: acme }] }\n';
    expect(configured(acme)).not.toContain('quiet.rules');
  });
});

describe('the operator’s rules', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-rules-'));
  afterAll(() => rmSync(root, { recursive: true }));

  it('are read from monitoring/, by name; a bad name is refused', () => {
    expect(readSuricataRules(root)).toEqual({});
    mkdirSync(path.join(root, 'monitoring'));
    writeFileSync(path.join(root, 'monitoring/house.rules'), 'alert icmp any any -> any any (sid:1;)\n');
    writeFileSync(path.join(root, 'monitoring/disks.rules.yml'), 'groups: []\n');
    expect(readSuricataRules(root)).toEqual({ 'own-house.rules': 'alert icmp any any -> any any (sid:1;)\n' });
    writeFileSync(path.join(root, 'monitoring/My House.rules'), '');
    expect(() => readSuricataRules(root)).toThrow(/has a name that cannot be used; nothing was changed/);
  });
});
