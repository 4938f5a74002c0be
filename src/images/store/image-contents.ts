import { UserError } from '../../core/errors.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { type ImageContents, parseContents, READ_CONTENTS } from './plan/image-contents.ts';

/** The statuses of `docker run` where the image has no shell to start. */
const NO_SHELL = [126, 127];

/** What is in an image, without a network; nothing for one that has no shell. @throws UserError where it cannot be read */
export async function imageContents(ref: string, docker: DockerCli, signal: AbortSignal): Promise<ImageContents> {
  const args = ['run', '--rm', '--network', 'none', '--pull', 'never', '--read-only', '--user', '0:0', '--entrypoint', 'sh'];
  const { exitCode, stdout, tail } = await docker.run([...args, ref, '-c', READ_CONTENTS], { signal });
  if (exitCode === 0) return parseContents(stdout);
  if (NO_SHELL.includes(exitCode) && tail.some((line) => line.includes('executable file not found'))) return parseContents('');
  throw new UserError(
    'ENGINE_FAILED',
    `the contents of ${ref} cannot be read: ${tail.filter((line) => line.trim()).at(-1) ?? 'no answer'}; nothing was changed`,
    `see why: docker run --rm --entrypoint sh ${ref} -c true`,
  );
}
