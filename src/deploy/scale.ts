import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { requireManifest } from '../project/open.ts';
import { type ConvergeOptions, converge } from '../reconcile/converge.ts';
import { namesOf } from '../stack/roles.ts';
import { DEPLOYED } from './plan/deploy.ts';
import type { ScaleOutcome } from './plan/scaled.ts';

/** How `scale` is called by what is no person. */
interface Asked extends Pick<ConvergeOptions, 'reason' | 'accept'> {
  /** As the audit log names it. */
  command?: string;
}

/**
 * Runs this many replicas of the application. New ones come up before the balancer sends to them, and those that go are
 * drained first. `pending`: in a dry run, whether a real run would do anything. @throws UserError for a number that the balancer has no slots for
 */
export async function scaleApp(
  context: Context,
  project: Project,
  replicas: number,
  asked: Asked = {},
): Promise<{ outcome: ScaleOutcome; pending: boolean }> {
  const app = project.loaded.settings.app as { replicas: number; maxReplicas: number };
  if (replicas < 1 || replicas > app.maxReplicas) {
    throw new UserError(
      'USAGE',
      `${replicas} replicas: should be from 1 to ${app.maxReplicas}; nothing was changed`,
      replicas < 1
        ? '`medianest down` stops the stack; `medianest maintenance on` closes it to visitors'
        : `raise \`app.maxReplicas\` in medianest.yml (now ${app.maxReplicas})`,
    );
  }
  const { services } = requireManifest(project.state);
  if (namesOf(services, 'balancer').length === 0) {
    throw new UserError(
      'NOT_RUNNING',
      'what runs here has no balancer to scale behind; nothing was changed',
      'medianest up --profile prod (without a balancer: `app.replicas` in medianest.yml, then medianest up)',
    );
  }
  const before = namesOf(services, 'application').length;
  const {
    result,
    seconds,
    steps = [],
  } = await converge(context, project, {
    overwrite: false,
    command: `scale app=${replicas}`,
    ...asked,
    only: DEPLOYED,
    overrides: ({ replicas: _, ...rest }) =>
      replicas === app.replicas ? rest : { ...rest, replicas: { count: replicas, instead: app.replicas } },
  });
  return { outcome: { service: 'app', before, replicas, result, seconds }, pending: steps.length > 0 };
}
