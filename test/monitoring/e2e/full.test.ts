import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { docker, PROGRAM } from '../../support/cli.ts';
import { parsed, request } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

const FOUR = ['elasticsearch', 'kibana', 'jaeger', 'grafana'];
/** In place of Grafana's image, which may not be had here: it has what that is asked for, and Prometheus as its page. */
const STAND_IN = `${PREFIX}-full-stand-in`;
const DOCKERFILE = `ARG FROM
FROM $FROM
USER 0
RUN printf '%s\\n' '#!/bin/bash' 'exec prometheus --config.file=/tmp/p.yml --storage.tsdb.path=/var/lib/grafana --web.listen-address="$(sed -n "s/^http_addr = //p" "$GF_PATHS_CONFIG"):3000"' > /run.sh \\
  && printf '%s\\n' '#!/bin/bash' ': > /tmp/p.yml' 'url="\${@: -1}"; host="\${url#http://}"; host="\${host%%/*}"' 'exec 3<>"/dev/tcp/\${host%:*}/\${host#*:}"' > /usr/bin/wget \\
  && chmod 755 /run.sh /usr/bin/wget && sed -i '2i : > /tmp/p.yml' /run.sh
ENTRYPOINT []
`;

let space: Workspace;
const containers = async () =>
  (
    await docker([
      'ps',
      '--filter',
      `label=com.docker.compose.project=${space.project}`,
      '--format',
      '{{.ID}} {{.Label "com.docker.compose.service"}}',
    ])
  ).stdout
    .split('\n')
    .filter(Boolean)
    .sort();
const compose = () => parse(readFileSync(path.join(space.state, 'current/compose.yml'), 'utf8'));
const configure = (images: Record<string, string> = {}) =>
  space.configure({
    observability: 'full',
    // Registries that no name leads to, whatever this host reaches.
    images: { ...Object.fromEntries(FOUR.map((name) => [name, `registry.invalid/${name}:1`])), ...images },
    elasticsearch: { mmap: false },
  });
const up = async (...args: string[]) => {
  const ended = await space.run(['up', '--profile', 'dev-compose', '--json', ...args]);
  expect({ status: ended.status, stderr: ended.stderr }).toMatchObject({ status: 0 });
  return {
    ...parsed<{ result: string; warnings?: string[]; seconds: number; changes: { service: string; action: string }[] }>(ended),
    stderr: ended.stderr,
  };
};

beforeAll(async () => {
  space = await workspace('full');
  configure();
});
afterAll(async () => {
  await space.destroy();
  await docker(['image', 'rm', '--force', `${STAND_IN}:1`]);
});

test('light works where the images of full cannot be had, and their absence is told', async () => {
  const { result, warnings, stderr } = await up();
  expect(result).toBe('changed');
  for (const name of FOUR) {
    expect(warnings?.filter((line) => line.startsWith(`${name} is left out`))).toEqual([
      expect.stringMatching(/registry\.invalid.* is not here\. Without it: no .+ The next `medianest up` tries again\./),
    ]);
    expect(stderr).toMatch(new RegExp(`registry\\.invalid/${name}:1 cannot be pulled: `));
  }
  expect(Object.keys(compose().services).filter((name) => FOUR.includes(name))).toEqual([]);
  expect(Object.keys(compose()['x-left-out']).sort()).toEqual([...FOUR].sort());
  expect((await containers()).some((line) => line.endsWith(' prometheus'))).toBe(true);
});

test('it is told by plan, status and health, and a page that is left out says so', async () => {
  const plan = await space.run(['plan', '--profile', 'dev-compose']);
  expect([plan.status, plan.stdout]).toEqual([
    3,
    expect.stringContaining('pull registry.invalid/elasticsearch:1, registry.invalid/kibana:1'),
  ]);
  expect(plan.stderr).toContain('grafana is left out');
  const status = await space.run(['status', '--profile', 'dev-compose']);
  expect(status.stdout).toContain('grafana is left out');
  const health = parsed<{ checks: { id: string; status: string; remedy?: string }[] }>(
    await space.run(['health', '--profile', 'dev-compose', '--json', '--all']),
  );
  expect(health.checks.filter(({ id }) => id.startsWith('image.')).map(({ id, status: is }) => [id, is])).toEqual(
    [...FOUR].sort().map((name) => [`image.${name}`, 'warn']),
  );
  expect(health.checks.filter(({ status: is, id }) => is === 'fail' && /grafana|kibana|jaeger|elastic/.test(id))).toEqual([]);
  const page = await space.run(['open', 'grafana', '--profile', 'dev-compose']);
  expect([page.status, page.stderr]).toEqual([1, expect.stringContaining('grafana is left out')]);
});

test('the next up tries again, and touches nothing else', async () => {
  const before = await containers();
  const { result, warnings, stderr } = await up();
  expect(result).toBe('unchanged');
  expect(warnings?.filter((line) => line.includes('is left out'))).toHaveLength(4);
  expect(stderr).toContain('cannot be pulled');
  const offline = await up('--offline');
  expect(offline.stderr).not.toContain('cannot be pulled');
  expect(offline.warnings?.filter((line) => line.includes('is left out'))).toHaveLength(4);
  expect(await containers()).toEqual(before);
});

test('a registry that takes the connection and says nothing delays up by 20 s, once for all images', async () => {
  const silent = net.createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const before = await containers();
  configure({ jaeger: `127.0.0.1:${port}/jaeger:1`, kibana: `127.0.0.1:${port}/kibana:1` });
  const begun = Date.now();
  try {
    const { stderr } = await up();
    for (const name of ['jaeger', 'kibana'])
      expect(stderr).toContain(`127.0.0.1:${port}/${name}:1 cannot be pulled: no registry answered within 20 s`);
  } finally {
    silent.close();
  }
  process.stderr.write(`up beside a silent registry: ${Date.now() - begun} ms\n`);
  expect(Date.now() - begun).toBeLessThan(35_000);
  expect(await containers()).toEqual(before);
});

test('an image that has arrived is started, its page is passed on, and it stays where a newer one cannot be had', async () => {
  const before = await containers();
  const from = compose().services.prometheus.image as string;
  const built = await docker(['build', '--quiet', '--tag', `${STAND_IN}:1`, '--build-arg', `FROM=${from}`, '-'], { input: DOCKERFILE });
  expect(built.stderr).toBe('');
  configure({ grafana: `${STAND_IN}:1` });
  const { changes, warnings } = await up();
  expect(changes.filter(({ action }) => action !== 'keep')).toEqual([expect.objectContaining({ service: 'grafana', action: 'create' })]);
  expect(warnings?.filter((line) => line.includes('is left out'))).toHaveLength(3);
  const after = await containers();
  expect(after.filter((line) => !line.endsWith(' grafana'))).toEqual(before);

  const child = spawn(process.execPath, [PROGRAM, 'open', 'grafana', '--profile', 'dev-compose'], {
    cwd: space.dir,
    // Without a browser.
    env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '', PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text;
  });
  try {
    const url = await new Promise<string>((resolve) => child.stdout.once('data', (text: Buffer) => resolve(String(text).trim())));
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const answers = await Promise.all(Array.from({ length: 8 }, () => request(`${url}-/healthy`, { timeout: 20_000 })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(said).toContain('Sign in as admin: the password is in ');
    const file = /the password is in (\S+)\./.exec(said)?.[1] ?? '';
    expect(readFileSync(file, 'utf8')).toMatch(/^[\w-]{32}\n?$/);
  } finally {
    child.kill('SIGINT');
  }
  expect(await ended).toBe(0);

  configure({ grafana: `${STAND_IN}:2` });
  const kept = await up();
  expect([kept.result, kept.warnings?.filter((line) => line.startsWith('grafana keeps the image'))]).toEqual([
    'changed',
    [expect.any(String)],
  ]);
  expect(await containers()).toEqual(after);
  const health = parsed<{ checks: { id: string; status: string }[] }>(
    await space.run(['health', '--profile', 'dev-compose', '--json', '--all']),
  );
  expect(health.checks.find(({ id }) => id === 'image.grafana')).toMatchObject({ status: 'warn' });
});
