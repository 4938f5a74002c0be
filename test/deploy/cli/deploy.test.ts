import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Folder, folder, json, tree } from '../../support/command.ts';

// A profile with a balancer; rendered, never started.
const own: Folder = folder('profile: prod\n');
const lone: Folder = folder();
beforeAll(async () => {
  expect(await own.run(['render'])).toMatchObject({ status: 0 });
});

/** A refusal tells one error, as text and as JSON, and leaves the state folder as it was. */
async function refused(here: Folder, args: readonly string[], status: number, code: string, message: RegExp): Promise<void> {
  const before = tree(here.dir);
  // One after the other: each may take the project's lock.
  const text = await here.run(args);
  const asJson = await here.run([...args, '--json', '--quiet']);
  expect([text.status, text.stdout, text.stderr.match(/^Error: /gm)?.length, text.stderr.match(/^Fix: ./gm)?.length]).toEqual([
    status,
    '',
    1,
    1,
  ]);
  expect(text.stderr).toMatch(message);
  expect([asJson.status, asJson.stderr, json(asJson.stdout).error]).toEqual([
    status,
    '',
    expect.objectContaining({ code, message: expect.stringMatching(message), hint: expect.stringMatching(/./) }),
  ]);
  expect(tree(here.dir)).toEqual(before);
}

describe('a wrong line', () => {
  it.each<[string[], RegExp]>([
    [['deploy', '--image', ''], /--image "" is no image reference/],
    [['deploy', '--image', '-x'], /--image "-x" is no image reference/],
    [['deploy', '--timeout', 'soon'], /--timeout soon/],
    [['deploy', 'app'], /too many arguments/],
    [['deploy', '--confirm', '--image', 'mine:2'], /--confirm deploys nothing/],
    [['scale'], /missing required argument/],
    [['scale', 'app'], /should be app=COUNT/],
    [['scale', 'app=two'], /should be app=COUNT/],
    [['scale', 'postgres=2'], /only the app has replicas/],
    [['scale', 'app=0'], /should be from 1 to 10/],
    [['scale', 'app=1000'], /should be from 1 to 10/],
    [['maintenance', 'on', '--retry-after', '0'], /--retry-after 0/],
    [['maintenance', 'on', '--message', 'x'.repeat(501)], /501 characters/],
    [['cdn', 'purge', 'assets'], /"assets" is no path/],
    [['waf', 'log', '--since', 'yesterday'], /--since yesterday/],
    [['waf', 'allow', '942100'], /--path is missing/],
  ])('%j ends with 2', async (args, message) => refused(own, args, 2, 'USAGE', message));
});

describe('what is not there', () => {
  it.each([['deploy'], ['deploy --confirm'], ['rollback'], ['scale app=2'], ['maintenance on'], ['cdn purge'], ['waf log']])(
    '%s says that nothing was started yet',
    async (line) => refused(folder('profile: prod\n'), line.split(' '), 1, 'NOT_RUNNING', /nothing was started/),
  );
  it('releases are none before the first', async () => {
    expect(json((await lone.run(['releases', '--json'])).stdout)).toEqual({ current: null, releases: [] });
  });
  it.each([['deploy'], ['rollback']])('%s in a dry run finds no replicas that run', async (line) =>
    refused(own, [...line.split(' '), '--dry-run'], 1, 'NOT_RUNNING', /does not run; nothing was changed/),
  );
  it('a profile without a balancer has nothing to scale, and one without an edge nothing to close', async () => {
    await lone.run(['render']);
    await refused(lone, ['scale', 'app=2'], 1, 'NOT_RUNNING', /no balancer/);
    await refused(lone, ['maintenance', 'on'], 1, 'NOT_RUNNING', /no edge/);
    await refused(lone, ['cdn', 'purge'], 1, 'NOT_RUNNING', /no cache/);
  });
});

describe('a damaged file', () => {
  it.each([
    ['releases.json', '{}', ['releases']],
    ['releases.json', '[null]', ['releases']],
    ['orders.json', '"scale"', ['render']],
    ['drained.json', '{"app-1":true}', ['plan']],
    ['drained.json', '[1]', ['plan']],
    ['kept-release.json', '{"release":"r1"}', ['plan']],
  ])('%s that holds %s is told by its name, and left as it is', async (name, text, args) => {
    const here = folder('profile: prod\n');
    await here.run(['render']);
    writeFileSync(path.join(here.state, name), text);
    await refused(here, args, 1, 'STATE_DAMAGED', new RegExp(`${name.replace('.', '\\.')} is damaged`));
  });
});

describe('a dry run', () => {
  it('of scale tells what it would do and changes nothing', async () => {
    const before = tree(own.dir);
    const { status, stdout } = await own.run(['scale', 'app=5', '--dry-run', '--json', '--quiet']);
    expect([status, json(stdout)]).toEqual([0, expect.objectContaining({ service: 'app', before: 3, replicas: 5, result: 'planned' })]);
    expect(tree(own.dir)).toEqual(before);
  });
});
