import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { type DockerCli, runProgram } from '../../../src/docker/compose.ts';
import { fetchImages } from '../../../src/images/store/fetch-images.ts';
import type { ImageSpec } from '../../../src/stack/types.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const LIMITS = { firstAnswerMs: 600, silenceMs: 1200 };

/** Pulls by a program that behaves as these lines of shell say: `$2` is the image. */
async function fetched(shell: string, images: readonly ImageSpec[], abortAfterMs?: number) {
  const folder = temporaryFolder('fetch');
  const [program, log] = [path.join(folder, 'docker'), path.join(folder, 'log')];
  writeFileSync(program, `#!/bin/bash\necho "$@" >> ${log}\n${shell}\n`);
  chmodSync(program, 0o755);
  const [warnings, tags]: [string[], string[]] = [[], []];
  const controller = new AbortController();
  if (abortAfterMs !== undefined) setTimeout(() => controller.abort(), abortAfterMs);
  const context = {
    signal: controller.signal,
    report: { warn: (line: string) => warnings.push(line) },
    engine: async () => ({ tag: async (source: string, target: string) => tags.push(`${source} ${target}`) }),
  } as unknown as Context;
  const cli = { run: (args, options) => runProgram(program, args, options) } as DockerCli;
  const begun = Date.now();
  const ended = await fetchImages(images, context, cli, () => undefined, LIMITS).then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
  return { ended, warnings, tags, ms: Date.now() - begun, asked: readFileSync(log, 'utf8').trim().split('\n').sort() };
}

const image = (ref: string, digest?: string): ImageSpec => ({
  name: ref,
  ref,
  pulled: { bytes: 1, ...(digest !== undefined && { digest }) },
});

describe('images that the stack can do without', () => {
  it('are pulled at once, and one that is not there is told', async () => {
    const { ended, warnings, asked } = await fetched(
      '[ "$2" = b:1 ] && { echo "manifest unknown" >&2; exit 1; }; echo Pulling; echo done',
      [image('a:1'), image('b:1')],
    );
    expect([ended, warnings, asked]).toEqual([undefined, ['b:1 cannot be pulled: manifest unknown'], ['pull a:1', 'pull b:1']]);
  });
  it('are given up where no registry answers, all after the same time', async () => {
    const { ended, warnings, ms } = await fetched('echo "Using default tag: latest"; exec sleep 30', [image('a'), image('b'), image('c')]);
    expect(ended).toBeUndefined();
    expect(warnings).toEqual(['a', 'b', 'c'].map((ref) => `${ref} cannot be pulled: no registry answered within 0.6 s`));
    expect(ms).toBeLessThan(5000);
  });
  it('may take as long as something comes of it', async () => {
    const { warnings, ms } = await fetched('for i in 1 2 3 4 5; do echo "layer $i"; sleep 0.4; done', [image('a:1')]);
    expect(warnings).toEqual([]);
    expect(ms).toBeGreaterThan(1900);
  });
  it('are given up where nothing comes any more', async () => {
    const { warnings } = await fetched('echo "1: Pulling from a"; exec sleep 30', [image('a:1')]);
    expect(warnings).toEqual([expect.stringMatching(/^a:1 cannot be pulled: nothing came of it for 0\.02 min$/)]);
  });
  it('are pulled by the digest that the lock names, and get their tag', async () => {
    const { warnings, tags, asked } = await fetched('echo ok', [image('g/g:1', 'g/g@sha256:1')]);
    expect([warnings, tags, asked]).toEqual([[], ['g/g@sha256:1 g/g:1'], ['pull g/g@sha256:1']]);
  });
  it('are left at once by Ctrl-C', async () => {
    const { ended, warnings, ms } = await fetched('echo "1: Pulling from a"; exec sleep 30', [image('a:1'), image('b:1')], 300);
    expect([ended, warnings]).toEqual(['INTERRUPTED', []]);
    expect(ms).toBeLessThan(5000);
  });
});
