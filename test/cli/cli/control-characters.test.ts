import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { docker } from '../../support/cli.ts';
import { folder } from '../../support/command.ts';
import { PREFIX } from '../../support/workspace.ts';

/** All that a terminal may be given, beside letters. */
const CONTROL = /[^\P{Cc}\n\t]/u;
const HOSTILE = '\u001b]0;title\u0007\u001b[2J\u009b31m';

it('what a person, a file or a path names is told in letters', async () => {
  const own = folder(`"a\\e[2J": 1\n`);
  for (const args of [[`status${HOSTILE}`], ['status'], ['render', '--config', HOSTILE], ['render', '--profile', HOSTILE]])
    for (const json of [[], ['--json']]) {
      const { status, stdout, stderr } = await own.run([...args, ...json]);
      expect([status, stdout + stderr]).toEqual([2, expect.not.stringMatching(CONTROL)]);
      expect(stdout + stderr).toMatch(/\\u001b(?:\]0;title|\[2J)/);
    }
});

it('what a container writes moves no cursor where its logs are read', async () => {
  const own = folder();
  const project = `${PREFIX}-control`;
  expect((await own.run(['render', '--project', project])).status).toBe(0);
  const current = (name: string) => readFileSync(path.join(own.state, 'current', name), 'utf8');
  const [service] = (JSON.parse(current('manifest.json')) as { services: { name: string }[] }).services;
  const image = /^ +image: "?([^"\n]+)/m.exec(current('compose.yml'))?.[1] ?? '';
  const labels = { project, service: service?.name, oneoff: 'False', 'container-number': '1', 'config-hash': 'none' };
  const label = Object.entries(labels).flatMap(([name, value]) => ['--label', `com.docker.compose.${name}=${value}`]);
  const made = await docker(['run', '--name', `${project}-1`, ...label, '--entrypoint', 'printf', image, '%b', `before${HOSTILE}after\\n`]);
  expect(made.status).toBe(0);
  try {
    for (const json of [[], ['--json']]) {
      const { status, stdout } = await own.run(['logs', '--project', project, ...json]);
      expect([status, stdout]).toEqual([0, expect.stringMatching(/before.*\\u001b\[2J.*after/)]);
      expect(stdout).not.toMatch(CONTROL);
    }
  } finally {
    await docker(['rm', '--force', `${project}-1`]);
  }
});
