import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { attemptsOf, parseAnswer, silencesOf } from '../../../src/alerts/plan/alertmanager.ts';
import { ALERT_SCHEDULE, alertsAdvice, unheard } from '../../../src/alerts/plan/schedule.ts';
import { labelOf, silenceUntil, whyOf } from '../../../src/alerts/plan/silence.ts';
import { channelsOf } from '../../../src/alerts/relay/settings.ts';
import type { Secret } from '../../../src/core/secret.ts';
import { ALERT_CAUSES } from '../../../src/services/shared/alert-causes.ts';
import { CASES, type LoadOptions, load, rendered, stackOf } from '../../support/settings.ts';

const channel = (text: string, more: LoadOptions = {}) => load({ file: `alerts: { channels: { desk: ${text} } }`, ...more });
const deskOf = (loaded: ReturnType<typeof load>) =>
  (loaded.settings.alerts as { channels: { desk: Record<string, Secret | undefined> } }).channels.desk;

describe('the settings of a channel', () => {
  it.each([
    ['{ kind: email, host: m.example.org, from: a@b.example }', /channels\.desk\.to: is needed with `kind: email`/],
    ['{ kind: slack, url: "ftp://x" }', /channels\.desk\.url: should be an address such as/],
    ['{ kind: slack, url: "https://user:pass@h.example.org" }', /channels\.desk\.url: should be an address/],
    ['{ kind: ntfy, url: "https://n.example.org" }', /channels\.desk\.topic: is needed with `kind: ntfy`/],
    ['{ kind: gotify, url: "https://n.example.org" }', /channels\.desk\.token: is needed/],
    ['{ kind: webhook, url: "https://n.example.org", topic: a }', /channels\.desk\.topic: is no setting of `kind: webhook`/],
    ['{ kind: sms, to: ["+1"] }', /one of the two/],
    ['{ kind: sms, to: ["+1"], url: "https://s.example.org", host: m.example.org, from: a@b.example }', /one of the two/],
    ['{ kind: email, host: m, from: "a\\r\\nBcc: x@y", to: [a@b.example] }', /without line breaks/],
    ['{ kind: webhook, url: "https://n.example.org", quiet: { from: "22:00", to: "22:00" } }', /different times/],
    ['{ kind: webhook, url: "https://n.example.org", quiet: { from: 22:00, to: "7" } }', /a time such as "22:00"/],
    ['{ kind: pigeon }', /channels\.desk\.kind/],
    ['{ kind: webhook, url: "https://n.example.org", severity: [critical] }', /is not a setting; did you mean `?severities/],
  ])('%s is refused in words', (text, words) => {
    expect(() => channel(text)).toThrow(words);
  });
  it('names the line of what is wrong, and refuses a channel’s name that would be a path', () => {
    expect(() => load({ file: 'alerts:\n  channels:\n    desk:\n      kind: slack\n' })).toThrow(/medianest\.yml:3/);
    expect(() => load({ file: 'alerts: { channels: { "../x": { kind: webhook, url: "https://n.example.org" } } }' })).toThrow(
      /is not a name/,
    );
    expect(() => load({ file: 'alerts: { timezone: host }' })).toThrow(/time zone/);
  });
  it('has secrets from variables and files, also below its own name', () => {
    const env = { HOOK: 'https://h.example.org/secret' };
    const byVariable = channel('{ kind: webhook, url: "${HOOK}", token: "file:token" }', { env, files: { token: 'abc\n' } });
    expect(deskOf(byVariable).url?.reveal()).toBe('https://h.example.org/secret');
    expect(deskOf(byVariable).token?.reveal()).toBe('abc');
    expect(byVariable.secretFiles).toEqual(['token']);
    expect(JSON.stringify(byVariable.settings)).not.toMatch(/h\.example\.org|abc/);
    expect(() => channel('{ kind: webhook, url: "${NOT_THERE}" }')).toThrow(
      /alerts\.channels\.desk\.url: the environment has no NOT_THERE/,
    );
  });
});

describe('Alertmanager’s configuration', () => {
  const stack = stackOf(load(CASES.alerts));
  const files = rendered(stack).files;
  const fileOf = (name: string) => files.find(({ path }) => path === name)?.contents ?? '';
  interface Route {
    receiver: string;
    matchers: string[];
    continue?: boolean;
    mute_time_intervals?: string[];
    group_wait: string;
  }
  const config = parse(fileOf('alertmanager/alertmanager.yml')) as { route: { routes: Route[] }; receivers: { name: string }[] };
  const routes = config.route.routes.filter((route) => route.continue);

  it('tells each channel what it asked for, and each by itself', () => {
    const of = (name: string) => routes.filter(({ receiver }) => receiver === name).map(({ matchers }) => matchers[0]);
    expect(of('team')).toEqual(['severity=critical', 'severity=~"warning|info"']);
    expect(of('phone')).toEqual(['severity=critical']);
    expect(of('operators')).toEqual(['severity=critical', 'severity=~"warning"']);
  });
  it('sends critical alerts within seconds, also in quiet times', () => {
    const critical = routes.filter(({ matchers }) => matchers[0] === 'severity=critical');
    expect(critical.every(({ group_wait: wait, mute_time_intervals: mute }) => wait === '5s' && !mute)).toBe(true);
    expect(routes.filter(({ mute_time_intervals: mute }) => mute).map(({ receiver }) => receiver)).toEqual(['team', 'tablet']);
  });
  it('has no secret and no address outside in it, and Alertmanager no way there', () => {
    expect(fileOf('alertmanager/alertmanager.yml') + fileOf('alert-relay/relay.json') + fileOf('compose.yml')).not.toMatch(
      /not-to-be-seen|hooks\.slack|uptime\.example/,
    );
    const own = stack.services.find(({ name }) => name === 'alertmanager');
    expect([own?.networks, own?.secrets, own?.ports]).toEqual([['monitoring'], [], []]);
    const relay = stack.services.find(({ name }) => name === 'alert-relay');
    expect([relay?.networks, relay?.ports]).toEqual([['monitoring', 'out'], []]);
  });
  it('gives the relay each secret by the name of its file', () => {
    const secrets = stack.services.find(({ name }) => name === 'alert-relay')?.secrets ?? [];
    const values = new Map(secrets.map(({ name, source }) => [name, 'given' in source ? source.given.reveal() : '']));
    const channels = channelsOf(JSON.parse(fileOf('alert-relay/relay.json')), (name) => values.get(name) as string);
    expect(channels.get('tablet')).toMatchObject({ kind: 'gotify', url: 'https://gotify.example.org/base/', token: 'not-to-be-seen' });
    expect(channels.get('operators')).toMatchObject({ password: 'not-to-be-seen', to: ['a@example.org', 'b@example.org'] });
  });
  it('needs no relay where there is no channel', () => {
    const without = stackOf(load({ flags: { profile: 'dev-compose' }, file: 'observability: light' }));
    expect(without.services.map(({ name }) => name)).toContain('alertmanager');
    expect(without.services.map(({ name }) => name)).not.toContain('alert-relay');
  });
  it('knows only causes that there are, the root before what follows from it', () => {
    const order = Object.keys(ALERT_CAUSES);
    for (const [cause, { explains }] of Object.entries(ALERT_CAUSES))
      for (const other of explains) expect([cause, other, order.indexOf(other) > order.indexOf(cause)]).toEqual([cause, other, true]);
  });
});

describe('the job of alerts', () => {
  const asked = (file: string) => ALERT_SCHEDULE.asked?.(load({ file }).settings);
  const desk = 'alerts: { channels: { desk: { kind: webhook, url: "https://h.example.org" } } }\n';
  it('is there where there is a channel and no Prometheus', () => {
    expect([asked(''), asked(desk), asked(`${desk}observability: light\n`)]).toEqual([false, true, false]);
    expect(asked(`${desk}observability: light\ncomponents: { alertmanager: false }\n`)).toBe(true);
    expect(asked('alerts: { deadMan: { url: "https://h.example.org" } }')).toBe(true);
  });
});

it('a first start says how to be told, where Prometheus runs and no channel is there', () => {
  const advice = (file: string, profile = 'prod') =>
    alertsAdvice(load({ file, flags: { profile } }).settings).map(({ command }) => command);
  expect(advice('')).toEqual(['medianest alerts test']);
  expect(advice('observability: off')).toEqual([]);
  expect(advice('', 'dev-compose')).toEqual([]);
  expect(advice('alerts: { channels: { desk: { kind: webhook, url: "https://h.example.org" } } }')).toEqual([]);
});

it('what cannot alert without node-exporter is told where somebody is to be told', () => {
  const channel = 'alerts: { channels: { desk: { kind: webhook, url: "https://h.example.org" } } }\n';
  const told = (file: string, profile = 'prod') =>
    unheard(load({ file, flags: { profile } }).settings).map(({ id, status }) => [id, status]);
  expect(told(`${channel}components: { node-exporter: false }`)).toEqual([['alerts.measured', 'warn']]);
  expect(told(`${channel}observability: light\ncomponents: { node-exporter: false }`, 'dev-compose')).toEqual([
    ['alerts.measured', 'warn'],
  ]);
  // With it; without a channel; where the job asks the health checks.
  expect([told(channel), told('components: { node-exporter: false }'), told(channel, 'dev-compose')]).toEqual([[], [], []]);
  expect(told(`${channel}components: { node-exporter: false, alertmanager: false }`)).toEqual([]);
});

describe('a silence', () => {
  const known = { alerts: ['DatabaseNoLeader'], causes: ['database', 'edge'], services: ['edge', 'postgres-1'] };
  it('is of an alert, a cause or a service', () => {
    expect(['DatabaseNoLeader', 'edge', 'postgres-1'].map((name) => labelOf(name, known))).toEqual(['alertname', 'cause', 'instance']);
    expect(() => labelOf('databse', known)).toThrow(/did you mean `database`/);
  });
  it('has an end, and a reason', () => {
    const now = new Date('2026-11-29T10:00:00Z');
    expect(silenceUntil('--for', '1h30m', now).toISOString()).toBe('2026-11-29T11:30:00.000Z');
    for (const text of ['0m', '31d', 'soon', '']) expect(() => silenceUntil('--for', text, now)).toThrow(/--for/);
    expect(whyOf(' a disk ')).toBe('a disk');
    for (const text of [undefined, ' ']) expect(() => whyOf(text)).toThrow(/--why is missing/);
  });
});

describe('what Alertmanager answers', () => {
  it('is an HTTP message', () => {
    expect(parseAnswer('HTTP/1.0 200 OK\r\nA: b\r\n\r\n[1]\n')).toEqual({ status: 200, body: '[1]\n' });
    expect(() => parseAnswer('bash: connect: Connection refused')).toThrow(/no answer/);
  });
  it('counts attempts by channel', () => {
    const metrics = `# HELP x
alertmanager_notification_requests_failed_total{integration="webhook",receiver_name="desk"} 2
alertmanager_notification_requests_total{integration="webhook",receiver_name="desk"} 5
alertmanager_notification_requests_total{integration="email",receiver_name="phone"} 1e+01
alertmanager_notifications_total{integration="email",receiver_name="phone"} 7
`;
    expect(attemptsOf(metrics)).toEqual({ desk: { total: 5, failed: 2 }, phone: { total: 10, failed: 0 } });
  });
  it('leaves out silences that are over', () => {
    const one = (id: string, state: string) => ({
      id,
      comment: 'x',
      createdBy: 'me',
      endsAt: '2026-11-29T11:00:00Z',
      status: { state },
      matchers: [{ name: 'cause', value: 'disk' }],
    });
    expect(silencesOf([one('1', 'active'), one('2', 'expired')] as never)).toMatchObject([{ id: '1', label: 'cause', value: 'disk' }]);
  });
});
