import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROGRAM, run } from '../../support/cli.ts';
import { blocks } from '../../support/doc-blocks.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** What may be run here: neither an installation into this host, nor what needs a second host, an outage or all of prod. */
const runnable = (file: string) => blocks().filter((block) => block.file === file && block.language === 'sh' && block.note === '');

/** Blocks of one document, in its order, each as its reader would paste it. */
describe.each(['docs/first-hour.md', 'docs/cookbook.md', 'docs/security.md', 'docs/recovery.md'])('the blocks of %s', (file) => {
  let space: Workspace;
  const name = path.basename(file, '.md');
  beforeAll(async () => {
    space = await workspace(`doc-${name}`);
    mkdirSync(path.join(space.dir, 'bin'));
    symlinkSync(PROGRAM, path.join(space.dir, 'bin/medianest'));
    // The first hour begins without a medianest.yml; the others begin with one.
    if (name === 'first-hour') await run('rm', [path.join(space.dir, 'medianest.yml')]);
    else space.configure({ profile: 'dev' });
  });
  afterAll(() => space.destroy());

  test.each(runnable(file).map((block) => [block.where, block.text] as const))('%s', async (_where, text) => {
    const env = {
      PATH: `${space.dir}/bin:${process.env.PATH}`,
      MEDIANEST_PROJECT: space.project,
      MEDIANEST_ALL_IN_ONE_PORT: String(space.devPort),
    };
    const { status, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', text], { cwd: space.dir, env });
    expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, '']);
  });
});
