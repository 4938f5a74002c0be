import { describe, expect, it } from 'vitest';
import { banChecks, edgeState, engineState } from '../../../src/bans/plan/checks.ts';
import { addArgv, bansAbout, bansOf, bansWithin, evidenceOf, reasonOf, removeArgv } from '../../../src/bans/plan/decisions.ts';
import { describeWhy } from '../../../src/bans/plan/describe.ts';
import { protectedBy, targetOf } from '../../../src/bans/plan/targets.ts';
import { neverBanned } from '../../../src/services/crowdsec/settings/never-banned.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
/** As cscli 1.4.6 prints it, with a line of its log. */
const PRINTED = `time="30-11-2026 12:00:00" level=info msg="push and pull to Central API disabled"
id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id
7,cscli,Range:198.18.0.0/15,"forced: say ""x"", then go",ban,,,1,59m58.12s,false,7
4,crowdsec,Ip:192.0.2.53,medianest/scanner,ban,,,3,11h46m21.890912685s,false,4
3,crowdsec,Ip:2001:db8:1:2::,medianest/probing,ban,,,21,500ms,false,3
2,cscli,Ip:192.0.2.54,test,captcha,,,1,1h,false,2
1,CAPI,Ip:198.51.100.2,crowdsecurity/http-probing,ban,,,0,100ms,false,1
`;

describe('the bans that CrowdSec prints', () => {
  it('are read with their reasons and ends, longest first; what is no ban is left out', () => {
    expect(bansOf(PRINTED, NOW)).toEqual([
      { address: '192.0.2.53', reason: 'scanner', by: 'crowdsec', until: '2026-11-30T23:46:21.890Z' },
      { address: '198.18.0.0/15', reason: 'forced: say "x", then go', by: 'a person', until: '2026-11-30T12:59:58.120Z' },
      { address: '198.51.100.2', reason: 'crowdsecurity/http-probing', by: 'the central list', until: NOW.toISOString() },
      { address: '2001:db8:1:2::', reason: 'probing', by: 'crowdsec', until: NOW.toISOString() },
    ]);
    expect(bansOf('', NOW)).toEqual([]);
  });

  it('are found by an address within them, or by a range around them', () => {
    const about = (typed: string) => bansAbout(bansOf(PRINTED, NOW), targetOf(typed)).map(({ address }) => address);
    expect(about('198.19.255.255')).toEqual(['198.18.0.0/15']);
    expect(about('2001:db8:1:2:3:4:5:6')).toEqual(['2001:db8:1:2::']);
    expect(about('192.0.2.0/24')).toEqual(['192.0.2.53']);
    expect(about('203.0.113.1')).toEqual([]);
  });

  it('end with the address or range that is named; those of wider ranges stay', () => {
    const more = `${PRINTED}1,cscli,Range:2001:db8:1::/48,wide,ban,,,1,1h,false,1\n0,cscli,Ip:198.18.0.9,one,ban,,,1,1h,false,0\n`;
    const ended = (typed: string) => {
      const { within, around } = bansWithin(bansOf(more, NOW), targetOf(typed));
      return [within, around].map((bans) => bans.map(({ address }) => address));
    };
    expect(ended('198.18.0.9')).toEqual([['198.18.0.9'], ['198.18.0.0/15']]);
    expect(ended('198.18.0.8')).toEqual([[], ['198.18.0.0/15']]);
    expect(ended('198.18.0.0/24')).toEqual([['198.18.0.9'], ['198.18.0.0/15']]);
    expect(ended('2001:db8:1:2::5')).toEqual([['2001:db8:1:2::'], ['2001:db8:1::/48']]);
  });

  it('come with what clients did; where there is nothing, with nothing', () => {
    const meta = (path: string) => ({
      meta: Object.entries({ timestamp: 't', what: 'probe', http_verb: 'GET', http_path: path, http_status: '404' }).map(
        ([key, value]) => ({ key, value }),
      ),
    });
    const output = `level=info\n${JSON.stringify([{ events: [meta('/.env')] }, { events: null }], null, 1)}`;
    expect(evidenceOf(output)).toEqual([{ time: 't', what: 'probe', method: 'GET', path: '/.env', status: 404 }]);
    expect(evidenceOf('null')).toEqual([]);
    const [ban] = bansOf(PRINTED, NOW);
    if (!ban) throw new Error('there is no ban');
    const text = describeWhy('192.0.2.53', [{ ...ban, evidence: evidenceOf(output) }], null);
    expect(text).toBe(`192.0.2.53 is banned until 2026-11-30T23:46:21.890Z: scanner (crowdsec)\n  t  probe  GET /.env  404`);
  });
});

describe('an address as it is typed', () => {
  it('is one IPv4 address, the /64 of an IPv6 address, or a range', () => {
    expect(['203.0.113.7', '::ffff:203.0.113.7', '203.0.113.7/32', '203.0.113.0/24', '2001:db8::1'].map(targetOf)).toMatchObject([
      { text: '203.0.113.7', scope: 'ip' },
      { text: '203.0.113.7', scope: 'ip' },
      { text: '203.0.113.7', scope: 'ip' },
      { text: '203.0.113.0/24', scope: 'range' },
      { text: '2001:db8::1/64', scope: 'range' },
    ]);
  });

  it.each(['', 'localhost', '203.0.113', '203.0.113.7/33', '0.0.0.0/0', '::/0', '10.0.0.0/7', '--all', '203.0.113.7 --all'])(
    'is refused: %j',
    (typed) => {
      expect(() => targetOf(typed)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  it('reaches CrowdSec as one argument each', () => {
    expect(addArgv(targetOf('203.0.113.0/24'), 60, 'a; reboot').slice(3)).toEqual([
      '--range',
      '203.0.113.0/24',
      '--duration',
      '60s',
      '--reason',
      'a; reboot',
    ]);
    // By --ip, cscli would end the bans of all ranges around it.
    expect(removeArgv('203.0.113.7').slice(3)).toEqual(['--value', '203.0.113.7']);
  });

  it.each(['', 'a\nb', 'x'.repeat(201), 'forced: by somebody'])('has a reason on one line: %j is none', (reason) => {
    expect(() => reasonOf(reason, false)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('who is never banned', () => {
  const never = neverBanned({
    bans: { never: ['198.51.100.7', '2001:db8:9::5'] },
    firewall: { lan: ['192.168.7.0/24', '10.0.0.0/24'], operators: [] },
    edge: { operators: ['203.0.113.9'], trustedProxies: ['203.0.113.1'] },
    networks: ['10.0.0.0/24'],
  });
  const because = (typed: string) => protectedBy(targetOf(typed), never)?.because;

  it('is told with the reason, the nearest one first', () => {
    expect(because('127.0.0.1')).toBe('it is this host itself');
    expect(because('10.0.0.4')).toBe('it is in a network of this stack');
    expect(because('192.168.7.3')).toContain('firewall.lan');
    expect(because('203.0.113.9')).toContain('edge.operators');
    expect(because('203.0.113.1')).toContain('edge.trustedProxies');
    expect(because('198.51.100.7')).toContain('bans.never');
    // A ban of any address of a /64 would be one of this.
    expect(because('2001:db8:9::ffff')).toContain('bans.never');
    expect([because('198.51.100.8'), because('2001:db8:a::1'), because('::ffff:1.2.3.4')]).toEqual([undefined, undefined, undefined]);
  });

  it('stands alike in the edge and in CrowdSec, each once', () => {
    const files = rendered(
      stackOf(load({ file: 'components: { crowdsec: true }\nbans: { never: [198.51.100.7] }', flags: { profile: 'prod' } })),
    ).files;
    const text = (path: string) => files.find((file) => file.path === path)?.contents ?? '';
    const atEdge = [...text('edge/bans-http.conf').matchAll(/^ {2}(\S+\/\d+) 1;$/gm)].map(([, range]) => range);
    const inEngine = [...text('crowdsec/never.yaml').matchAll(/^ {4}- (\S+)$/gm)].map(([, range]) => range);
    expect(atEdge).toEqual(inEngine);
    expect(new Set(atEdge).size).toBe(atEdge.length);
    expect(atEdge).toEqual(expect.arrayContaining(['198.51.100.7/32', '192.168.0.0/16', 'fc00::/7', '10.50.0.0/16']));
  });
});

describe('health', () => {
  const edge = (at: number, problem = '') => edgeState(`1000\n${JSON.stringify({ now: 1000, at, count: 3, problem })}\n`);
  const engine = (line: string, more = '') => engineState(`1000\n${line}\n${more}`);
  const told = (...checks: Parameters<typeof banChecks>) => banChecks(...checks).map(({ id, status }) => `${id} ${status}`);

  it('is well while answers and lines are fresh', () => {
    expect(banChecks(edge(997), engine('990'))).toMatchObject([{ status: 'ok', value: 3 }, { status: 'ok' }]);
  });

  it('fails where bans are not decided or not in force, and where it cannot tell', () => {
    expect(told(edge(900), engine('990'))).toEqual(['crowdsec.edge fail', 'crowdsec.engine ok']);
    expect(told(edge(0), engine('none'))).toEqual(['crowdsec.edge fail', 'crowdsec.engine fail']);
    expect(told(undefined, undefined)).toEqual(['crowdsec.edge fail', 'crowdsec.engine fail']);
    expect(told(edge(999, 'no space left'), engine('900'))).toEqual(['crowdsec.edge warn', 'crowdsec.engine fail']);
    expect([edgeState(''), edgeState('1000\n{"at'), engineState('sh: not found')]).toEqual([undefined, undefined, undefined]);
  });

  it('warns where the edge has no place for more bans', () => {
    const full = edgeState('1000\n{"now":1000,"at":999,"count":150000,"full":true,"problem":""}');
    expect(banChecks(full, engine('999'))[0]).toMatchObject({ status: 'warn', message: expect.stringContaining('150000 bans in force') });
  });

  it('warns of a database that was damaged', () => {
    expect(told(edge(999), engine('999', '/var/lib/crowdsec/crowdsec.db.damaged'))).toContain('crowdsec.database warn');
  });
});

describe('settings', () => {
  it('lead to the makers of CrowdSec only where they are asked to, by a way to that host alone', () => {
    const stack = (bans: string) => stackOf(load({ file: `components: { crowdsec: true }\n${bans}`, flags: { profile: 'prod' } }));
    const way = (bans: string) => stack(bans).services.find(({ name }) => name === 'crowdsec-egress');
    expect([way(''), way('bans: { central: true }')?.leadsTo]).toEqual([undefined, ['https://api.crowdsec.net']]);
    const text = (bans: string) => rendered(stack(bans)).files.find(({ path }) => path === 'crowdsec/config.yaml')?.contents ?? '';
    expect([text('').includes('online_client:'), text('bans: { central: true }').includes('online_client:')]).toEqual([false, true]);
    const { networks } = stack('bans: { central: true }').services.find(({ name }) => name === 'crowdsec') ?? { networks: [] };
    expect(networks).not.toContain('out');
  });

  it('need an edge', () => {
    const file = 'components: { crowdsec: true, edge: false }';
    expect(() => stackOf(load({ file, flags: { profile: 'dev-compose' } }))).toThrow(/needs the edge/);
  });
});
