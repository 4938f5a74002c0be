import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { DockerCli } from '../../docker/compose.ts';
import type { ImageSpec } from '../../stack/types.ts';

/** How long a registry may take to name what the image consists of, and how long nothing may come of it afterwards. */
const FIRST_ANSWER_MS = 20_000;
const SILENCE_MS = 5 * 60_000;

/** What the client says before it has asked anybody. */
const BEFORE_ASKING = /^Using default tag/;

/**
 * Pulls these images, all at once, each in bounded time. One that cannot be had is told in one line, with why; nothing is thrown for it.
 * An image that the lock names by digest is pulled by that, and gets its tag.
 * @throws UserError INTERRUPTED on Ctrl-C
 */
export async function fetchImages(
  images: readonly ImageSpec[],
  context: Context,
  docker: DockerCli,
  onLine: (line: string) => void,
  limits: { firstAnswerMs: number; silenceMs: number } = { firstAnswerMs: FIRST_ANSWER_MS, silenceMs: SILENCE_MS },
): Promise<void> {
  const fetched = await Promise.all(
    images.map(async (image) => ({ image, problem: await fetchOne(image, context, docker, onLine, limits) })),
  );
  if (context.signal.aborted)
    throw new UserError('INTERRUPTED', 'interrupted; nothing that runs was changed', 'run the same command again');
  for (const { image, problem } of fetched) if (problem) context.report.warn(`${image.ref} cannot be pulled: ${problem}`);
}

/** @returns why it is not there; undefined where it is */
async function fetchOne(
  { ref, pulled }: ImageSpec,
  context: Context,
  docker: DockerCli,
  onLine: (line: string) => void,
  { firstAnswerMs, silenceMs }: { firstAnswerMs: number; silenceMs: number },
): Promise<string | undefined> {
  const wanted = pulled?.digest ?? ref;
  const given = new AbortController();
  const begun = { answered: false };
  const giveUp = () => given.abort();
  let timer = setTimeout(giveUp, firstAnswerMs);
  try {
    const { exitCode, tail } = await docker.run(['pull', wanted], {
      signal: AbortSignal.any([context.signal, given.signal]),
      onLine: (line) => {
        onLine(`${ref}: ${line}`);
        if (BEFORE_ASKING.test(line)) return;
        begun.answered = true;
        clearTimeout(timer);
        timer = setTimeout(giveUp, silenceMs);
      },
    });
    if (exitCode !== 0) return tail.filter((line) => line.trim()).at(-1) ?? 'docker pull gave no reason';
    if (pulled?.digest) await (await context.engine()).tag(pulled.digest, ref);
    return undefined;
  } catch (error) {
    // Ctrl-C is for the caller, which ends all of them.
    if (!(error instanceof UserError) || !given.signal.aborted)
      return error instanceof UserError && error.code === 'INTERRUPTED' ? undefined : told(error);
    return begun.answered ? `nothing came of it for ${silenceMs / 60_000} min` : `no registry answered within ${firstAnswerMs / 1000} s`;
  } finally {
    clearTimeout(timer);
  }
}

/** A fault of ours stays one. */
function told(error: unknown): string {
  if (error instanceof UserError) return error.message;
  throw error;
}
