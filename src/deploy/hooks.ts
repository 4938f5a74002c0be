import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { runProgram } from '../docker/compose.ts';
import type { Loaded } from '../settings/loaded.ts';

type Hook = (name: 'pre' | 'post', more?: Record<string, string>) => Promise<void>;

/** The operator's own programs around a deploy, with what they are told of it. */
export function hooksOf(
  context: Context,
  loaded: Loaded,
  { release, image, previous = '' }: { release: string; image: string; previous: string | undefined },
): Hook {
  const { hooks } = loaded.settings.app as { hooks: { pre: string[]; post: string[] } };
  const env = {
    MEDIANEST_PROJECT: loaded.settings.project,
    MEDIANEST_RELEASE: release,
    MEDIANEST_IMAGE: image,
    MEDIANEST_PREVIOUS: previous,
  };
  return (name, more = {}) => runHook(name, hooks[name], loaded.root, { ...env, ...more }, context);
}

async function runHook(
  name: 'pre' | 'post',
  argv: readonly string[],
  root: string,
  env: Record<string, string>,
  { report, signal }: Context,
): Promise<void> {
  const [program, ...args] = argv;
  if (program === undefined) return;
  const task = report.task(`hook ${name}: ${argv.join(' ')}`);
  const file = program.includes('/') ? path.resolve(root, program) : program;
  const { exitCode, tail } = await runProgram(file, args, {
    cwd: root,
    env,
    signal,
    onLine: (line) => task.detail(line),
  });
  if (exitCode === 0) return task.done();
  task.failed();
  throw new UserError(
    'HOOK_FAILED',
    `the ${name} hook ended with status ${exitCode}: ${tail.slice(-3).join(' | ')}${name === 'pre' ? '; nothing was changed' : ''}`,
    'correct the hook (app.hooks in medianest.yml)',
  );
}
