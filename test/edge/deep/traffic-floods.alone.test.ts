import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { kinds, loadOn, under } from '../../support/load/load.ts';
import { flood } from '../../support/load/load-floods.ts';
import { configureProd, container, destroyProd, inspect, prodStack, uploadTo } from '../../support/load/load-stack.ts';
import { identities, type JsonError, parsed } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

const MIB = 1024 ** 2;

let space: Workspace;

beforeAll(async () => {
  space = await prodStack('flood', { replicas: 1, uploadLimit: MIB }, { edge: { bodyLimit: '1m' } });
});
afterAll(() => destroyProd(space));

/** What goes on beside it must cost the people who use the portal nothing. */
async function beside<T>(act: () => Promise<T>): Promise<T> {
  const before = await identities(space.project);
  const { result, report } = await under(await loadOn(space), act);
  expect(kinds(report.failures)).toEqual({});
  expect(report.sent).toBeGreaterThan(100);
  expect(await identities(space.project)).toEqual(before);
  return result;
}

const upload = (bytes: number) => uploadTo(space, bytes);

test('an upload up to the limit is taken, a larger one is refused with 413 by the app, a much larger one by the edge', async () => {
  const statuses = await beside(async () => [(await upload(MIB)).status, (await upload(MIB + 1)).status, (await upload(6 * MIB)).status]);
  expect(statuses).toEqual([201, 413, 413]);
});

test('headers without end are cut off', async () => {
  const answers = await beside(() => flood(space, 50, 'GET / HTTP/1.1\r\nHost: localhost\r\n', `X-Flood: ${'f'.repeat(8000)}\r\n`));
  expect(answers.filter((line) => !/^HTTP\/1\.1 4|^ECONNRESET$|^EPIPE$/.test(line))).toEqual([]);
});

test('bodies without end are cut off at the limit', async () => {
  const head = 'POST /api/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
  const answers = await beside(() => flood(space, 30, head, `8000\r\n${'"'.repeat(0x8000)}\r\n`));
  expect(answers.filter((line) => !/^HTTP\/1\.1 4(00|03|13)|^ECONNRESET$|^EPIPE$/.test(line))).toEqual([]);
  expect(await inspect(space, 'app-1', '{{.RestartCount}} {{.State.OOMKilled}}')).toBe('0 false');
  expect(await inspect(space, 'edge', '{{.RestartCount}} {{.State.OOMKilled}}')).toBe('0 false');
});

test.each([0, 1000])('%i replicas are refused before anything is touched', async (replicas) => {
  const before = await identities(space.project);
  for (const args of [
    ['up', '--set', `app.replicas=${replicas}`],
    ['scale', `app=${replicas}`],
  ]) {
    const refused = await space.run([...args, '--json']);
    expect(refused.status).toBe(2);
    const { error } = parsed<JsonError>(refused);
    expect(error.code).toBeOneOf(['INVALID_SETTINGS', 'USAGE']);
    expect(error.hint).not.toBe('');
  }
  expect(await identities(space.project)).toEqual(before);
});

describe('a setting of the operator', () => {
  const app = { replicas: 1, uploadLimit: MIB };
  afterEach(() => configureProd(space, app, { edge: { bodyLimit: '1m' } }));

  test('that reloads HAProxy costs nobody anything', async () => {
    configureProd(space, app, { edge: { bodyLimit: '1m' }, balancer: { maxConnections: 5000 } });
    const up = await beside(() => space.run(['up', '--json']));
    expect(parsed(up)).toMatchObject({
      result: 'changed',
      changes: expect.arrayContaining([expect.objectContaining({ service: 'balancer', action: 'reload' })]),
    });
  });

  test('that nginx refuses, rules of the WAF that cannot be read, changes nothing: the old ones serve', async () => {
    const rules = path.join(space.dir, 'crs');
    await docker(['cp', `${container(space, 'edge')}:/usr/share/modsecurity-crs`, rules]);
    await docker(['cp', `${container(space, 'edge')}:/etc/modsecurity/crs/crs-setup.conf`, rules]);
    appendFileSync(path.join(rules, 'rules', 'REQUEST-901-INITIALIZATION.conf'), 'SecNoSuchDirective On\n');
    configureProd(space, app, { edge: { bodyLimit: '1m', waf: { mode: 'block', rules: { folder: rules } } } });
    const up = await beside(() => space.run(['up', '--timeout', '10', '--json']));
    expect(up.status).not.toBe(0);
    expect(parsed<JsonError>(up).error.message).toMatch(/REQUEST-901-INITIALIZATION/);
  });
});
