import { describe, expect, it } from 'vitest';
import { previewSettings } from '../../../src/backup/plan/preview-compose.ts';
import { appSettings } from '../../../src/services/app/portal.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = (file: string, profile = 'dev-compose') => stackOf(load({ file, flags: { profile } }));
const application = ({ services }: Stack) => services.find(({ name }) => name === 'app-1' || name === 'all-in-one');
const given = (built: Stack) =>
  Object.fromEntries(Object.entries(application(built)?.environment ?? {}).filter(([name]) => /^(NOTIFY|PORTAL)_/.test(name)));
const ways = ({ services }: Stack) => services.filter(({ component }) => component === 'egress').map(({ name, host }) => [name, host]);
const secret = (built: Stack, name: string) => {
  const source = application(built)?.secrets.find((entry) => entry.name === name)?.source;
  return source && 'given' in source ? source.given.reveal() : undefined;
};

const NAMES = `app: { portal: { requestQuota: 3,
  mail: { host: mail.example.org, from: medianest@example.org, user: portal, password: pw },
  ntfy: { url: "https://ntfy.example.org", topic: films, token: tk },
  webhook: { url: "https://hooks.example.org/services/s3cret?x=1", token: wt } } }`;

describe('what the portal is given to tell people by', () => {
  it('is nothing where nothing is set, and so no container changes', () => {
    expect(given(stack(''))).toEqual({});
    expect(ways(stack(''))).toEqual([]);
  });
  it('is variables, secrets in files, and a way out for each host', () => {
    const built = stack(NAMES);
    expect(given(built)).toEqual({
      PORTAL_REQUEST_QUOTA: '3',
      NOTIFY_MAIL_HOST: 'mail.example.org',
      NOTIFY_MAIL_PORT: '587',
      NOTIFY_MAIL_TLS: 'starttls',
      NOTIFY_MAIL_FROM: 'medianest@example.org',
      NOTIFY_MAIL_USER: 'portal',
      NOTIFY_MAIL_PASSWORD_FILE: '/run/secrets/notify-mail-password',
      NOTIFY_NTFY_URL: 'https://ntfy.example.org',
      NOTIFY_NTFY_TOPIC: 'films',
      NOTIFY_NTFY_TOKEN_FILE: '/run/secrets/notify-ntfy-token',
      NOTIFY_WEBHOOK_URL_FILE: '/run/secrets/notify-webhook-url',
      NOTIFY_WEBHOOK_TOKEN_FILE: '/run/secrets/notify-webhook-token',
    });
    expect(ways(built)).toEqual([
      ['egress-mail', 75],
      ['egress-ntfy', 76],
      ['egress-webhook', 77],
    ]);
    expect(application(built)?.view.extraHosts).toEqual([
      'mail.example.org:10.0.0.75',
      'ntfy.example.org:10.0.0.76',
      'hooks.example.org:10.0.0.77',
    ]);
  });
  it('shows no secret in any file that is rendered', () => {
    const built = stack(NAMES);
    const texts = rendered(built).files.map(({ contents }) => contents);
    expect(texts.filter((text) => text.includes('s3cret'))).toEqual([]);
    expect(JSON.stringify(built.services.map(({ leadsTo, view }) => [leadsTo, view]))).not.toContain('s3cret');
    expect(secret(built, 'notify-webhook-url')).toBe('https://hooks.example.org/services/s3cret?x=1');
  });
  it('names the container that leads there where the settings have an address', () => {
    const built = stack(`app: { portal: { mail: { host: 192.168.1.5, port: 25, tls: none, from: m@example.org },
      ntfy: { url: "http://192.168.1.6:8080", topic: films }, webhook: { url: "http://192.168.1.7/hook?a=b" } } }`);
    expect(given(built)).toMatchObject({
      NOTIFY_MAIL_HOST: 'egress-mail',
      NOTIFY_MAIL_PORT: '25',
      NOTIFY_NTFY_URL: 'http://egress-ntfy:8080',
    });
    expect(secret(built, 'notify-webhook-url')).toBe('http://egress-webhook/hook?a=b');
  });
  it('keeps the address of an IPv6 mail server on a laptop, which has no such containers', () => {
    const built = stack('app: { portal: { mail: { host: "2001:db8::5", tls: implicit, from: m@example.org } } }', 'dev');
    expect(given(built)).toMatchObject({ NOTIFY_MAIL_HOST: '2001:db8::5', NOTIFY_MAIL_PORT: '465' });
  });
  it('is not handed to an image of the operator’s own', () => {
    const built = stack(`${NAMES.replace('app: {', 'app: { image: "mine:1",')}`);
    expect([given(built), ways(built)]).toEqual([{}, []]);
  });
  it.each([
    ['mail: { host: mail.example.org }', /app\.portal\.mail\.from: is needed with `host`/],
    ['mail: { host: mail.example.org, from: "a@b.c", user: u }', /app\.portal\.mail\.password: is needed with `user`/],
    ['mail: { host: mail.example.org, from: "a@b.c\\nBcc: x@y.z" }', /without line breaks/],
    ['ntfy: { url: "https://ntfy.example.org" }', /app\.portal\.ntfy\.topic: is needed with `url`/],
    ['webhook: { url: "ftp://hooks.example.org" }', /should be an address such as/],
    ['requestQuota: 1001', /requestQuota/],
  ])('is refused in words: %s', (text, words) => {
    expect(() => stack(`app: { portal: { ${text} } }`)).toThrow(words);
  });
});

describe('a preview of a backup', () => {
  it('sends nothing of what was still to be told', () => {
    const { settings } = load({ file: NAMES, flags: { profile: 'dev-compose' } });
    const looking = previewSettings(settings, 'look', ['app', 'postgres', 'redis'], appSettings.shape.media.parse(undefined));
    expect(appSettings.parse(looking.app).portal).toEqual(appSettings.parse({}).portal);
  });
});
