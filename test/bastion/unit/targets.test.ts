import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { forwardsIn } from '../../../src/bastion/plan/describe.ts';
import { topology, VISITORS } from '../../../src/topology/plan/topology.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = (profile: string, file: string) => stackOf(load({ flags: { profile }, file: `components: { bastion: true }\n${file}` }));
const files = (profile: string, file = '') => new Map(rendered(stack(profile, file)).files.map(({ path, contents }) => [path, contents]));
const forwards = (profile: string, file = '') => forwardsIn(files(profile, file).get('bastion/sshd_config') ?? '');
const networks = (profile: string, file = '') => stack(profile, file).services.find(({ name }) => name === 'bastion')?.networks;

interface Compose {
  services: Record<
    string,
    { extra_hosts?: Record<string, string>; cap_add?: string[]; networks: Record<string, unknown>; ports: unknown[] }
  >;
  networks: Record<string, { driver_opts?: Record<string, string>; enable_ipv6?: boolean }>;
}
const compose = (profile: string, file = '') => parse(files(profile, file).get('compose.yml') ?? '') as Compose;

describe('what people may forward to', () => {
  it('is the database and monitoring for admins, and monitoring for operators, where nothing else is said', () => {
    expect(forwards('prod')).toEqual({
      admin: ['database:5432', 'database:5433', 'alertmanager:9093', 'prometheus:9090'],
      operator: ['alertmanager:9093', 'prometheus:9090'],
    });
    expect(forwards('dev-compose', 'observability: off\n')).toEqual({ admin: ['database:5432'] });
  });

  it('is what the settings list, with each node of a cluster', () => {
    const asked = 'bastion: { allow: [cache, prometheus], allowOperators: [prometheus] }\n';
    const { admin, operator } = forwards('prod', asked);
    expect(admin?.filter((target) => target.startsWith('cache-'))).toHaveLength(6);
    expect(admin).not.toContain('database:5432');
    expect(operator).toEqual(['prometheus:9090']);
    expect(forwards('prod', 'observability: full\nbastion: { allow: [monitoring] }\n').admin).toContain('grafana:3000');
    expect(forwards('dev-compose', 'bastion: { allow: [] }\n')).toEqual({});
  });

  it('decides which networks the bastion joins, and by which addresses it knows its targets', () => {
    expect(networks('prod')).toEqual(['mgmt', 'db', 'monitoring']);
    expect(networks('prod', 'bastion: { allow: [prometheus] }\n')).toEqual(['mgmt', 'monitoring']);
    expect(networks('dev-compose', 'bastion: { allow: [] }\n')).toEqual(['mgmt']);
    expect(Object.keys(compose('prod').services.bastion?.extra_hosts ?? {})).toEqual(['database', 'alertmanager', 'prometheus']);
  });

  it('is refused where the stack has no such service, or operators would reach more than admins', () => {
    const refuse = (asked: string) => () => stack('dev-compose', `bastion: ${asked}\n`);
    expect(refuse('{ allow: [databse] }')).toThrow(/bastion\.allow: this stack has no "databse".*database/);
    expect(refuse('{ allow: [monitoring] }')).toThrow(/no "monitoring"/);
    expect(refuse('{ allow: [agent] }')).toThrow(/no "agent"/);
    expect(refuse('{ allow: [database], allowOperators: [cache] }')).toThrow(/allowOperators names cache/);
    expect(refuse('{ allow: ["*:*"] }')).toThrow(/should be the name of a service/);
    expect(() =>
      stackOf(load({ flags: { profile: 'dev' }, file: 'components: { bastion: true }\nbastion: { allow: [database] }\n' })),
    ).toThrow(/no "database"/);
  });
});

describe('the bastion', () => {
  it('has no capability and no way outside, also beside other services of its network', () => {
    const { services, networks: made } = compose('prod');
    expect(services.bastion?.cap_add).toBeUndefined();
    expect(made.mgmt?.driver_opts).toEqual({ 'com.docker.network.bridge.enable_ip_masquerade': 'false' });
    expect(Object.entries(services).filter(([name, { networks: own }]) => name !== 'bastion' && own?.mgmt)).toEqual([]);
  });

  it('knows visitors of an IPv6 address by their own', () => {
    const both = compose('dev-compose', 'bastion: { address: every }\n');
    expect([both.networks.mgmt?.enable_ipv6, both.networks.dmz?.enable_ipv6]).toEqual([true, undefined]);
    expect(both.services.bastion?.ports).toHaveLength(2);
    // Docker leads them to its own address of IPv6.
    const sshd = files('dev-compose', 'bastion: { address: every }\n').get('bastion/sshd_config');
    expect(sshd).toMatch(/^ListenAddress ::\n/m);
    expect(sshd).not.toContain('AddressFamily inet');
    expect(sshd).toMatch(/^PerSourcePenaltyExemptList [\d.]+\/32,[\d.]+\/32,fd[0-9a-f]{2}:[0-9a-f]{4}:[0-9a-f]{4}::1\/128$/m);
    expect(files('dev-compose').get('bastion/sshd_config')).not.toContain('ListenAddress ::');
  });

  it('is drawn with SSH as its way in', () => {
    const flows = topology(stack('prod', ''), {}).flows.filter(({ to }) => to.startsWith('bastion'));
    expect(flows).toEqual([{ from: VISITORS, to: expect.any(String), tls: true, ssh: true }]);
  });

  it('is off, and none of its secrets is there, unless it is asked for', () => {
    const without = stackOf(load({ flags: { profile: 'prod' } }));
    expect(without.services.map(({ name }) => name)).not.toContain('bastion');
    expect(without.secrets.filter(({ name }) => name.startsWith('bastion'))).toEqual([]);
  });
});
