import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { proxyVariables } from '../../../src/stack/proxies.ts';
import { CASES, type LoadOptions, load, rendered, stackOf } from '../../support/settings.ts';

const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
const EMPTY = Object.fromEntries(NAMES.map((name) => [name, '']));

type Services = Record<string, { environment?: Record<string, string> }>;
const services = (options: LoadOptions): Services => parse(rendered(stackOf(load(options))).files[0]?.contents ?? '').services;

it.each(Object.entries(CASES))('gives no container of %s a proxy of the Docker client', (_name, options) => {
  for (const [name, { environment }] of Object.entries(services(options)))
    expect([name, environment]).toEqual([name, expect.objectContaining(EMPTY)]);
});

it('leaves them to the application where its operator wants them, and to no other', () => {
  const file = 'app: { proxy: true, image: own, migrate: ["true"] }';
  for (const [name, { environment }] of Object.entries(services({ flags: { profile: 'prod' }, file })))
    expect([name, NAMES.some((key) => key in (environment ?? {}))]).toEqual([name, !name.startsWith('app-')]);
  expect(
    NAMES.some((key) => key in (services({ flags: { profile: 'dev' }, file: 'app: { proxy: true }' })['all-in-one']?.environment ?? {})),
  ).toBe(false);
});

it('lets a proxy of `app.env` stand, in both spellings', () => {
  const given = { HTTPS_PROXY: 'http://proxy:1', no_proxy: 'db' };
  const wanted = { ...EMPTY, HTTPS_PROXY: 'http://proxy:1', https_proxy: 'http://proxy:1', no_proxy: 'db', NO_PROXY: 'db' };
  expect(proxyVariables(given)).toEqual(wanted);
  const file = `app: { env: ${JSON.stringify(given)} }`;
  expect(services({ flags: { profile: 'dev-compose' }, file })['app-1']?.environment).toMatchObject(wanted);
});
