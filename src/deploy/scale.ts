import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import { requireManifest } from '../project/open.ts';
import { type ConvergeOptions, converge } from '../reconcile/converge.ts';
import { balancer } from '../services/app/balancer.ts';
import { MOST_REPLICAS } from '../services/app/processes/settings.ts';
import type { Overrides } from '../stack/overrides.ts';
import { namesOf, withRole } from '../stack/roles.ts';
import { servicesIn } from './plan/deploy.ts';
import type { ScaleOutcome } from './plan/scaled.ts';

/** How `scale` is called by what is no person. */
interface Asked extends Pick<ConvergeOptions, 'reason' | 'accept'> {
  /** Another process than `app`. */
  process?: string;
  /** As the audit log names it. */
  command?: string;
}

/** What is scaled, as medianest.yml has it, and how far. */
function scalable(settings: object, process: string): { replicas: number; most: number; hint: string } {
  const { app } = settings as { app: { replicas: number; maxReplicas: number } };
  const services = servicesIn(settings);
  if (process === 'app')
    return { replicas: app.replicas, most: app.maxReplicas, hint: `raise \`app.maxReplicas\` in medianest.yml (now ${app.maxReplicas})` };
  const own = services[process];
  if (own) return { replicas: own.replicas, most: MOST_REPLICAS, hint: 'addresses are kept for so many replicas of a process' };
  const known = ['app', ...Object.keys(services)];
  throw new UserError('USAGE', `there is no process ${JSON.stringify(process)}; ${didYouMean(process, known)}`, 'medianest scale app=5');
}

/** The overrides with this many replicas of a process, or with none of it where that is what medianest.yml says. */
function counted(process: string, count: number, instead: number): (before: Overrides) => Overrides {
  return ({ replicas, scaled, ...rest }) => {
    if (process === 'app') return { ...rest, ...(scaled && { scaled }), ...(count !== instead && { replicas: { count, instead } }) };
    const { [process]: _, ...others } = scaled ?? {};
    const all = count === instead ? others : { ...others, [process]: { count, instead } };
    return { ...rest, ...(replicas && { replicas }), ...(Object.keys(all).length > 0 && { scaled: all }) };
  };
}

/**
 * Runs this many replicas of the application, or of one of its processes. New ones come up before the balancer sends to them, and those that go are
 * drained first. `pending`: in a dry run, whether a real run would do anything. @throws UserError for a number that the balancer has no slots for
 */
export async function scaleApp(
  context: Context,
  project: Project,
  replicas: number,
  asked: Asked = {},
): Promise<{ outcome: ScaleOutcome; pending: boolean }> {
  const { process = 'app', ...more } = asked;
  const { replicas: instead, most, hint } = scalable(project.loaded.settings, process);
  if (replicas < 1 || replicas > most) {
    throw new UserError(
      'USAGE',
      `${replicas} replicas: should be from 1 to ${most}; nothing was changed`,
      replicas < 1 ? '`medianest down` stops the stack; `medianest maintenance on` closes it to visitors' : hint,
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
  const before = withRole(services, 'application').filter(({ component }) => component === process).length;
  const {
    result,
    seconds,
    steps = [],
  } = await converge(context, project, {
    overwrite: false,
    command: `scale ${process}=${replicas}`,
    ...more,
    only: [process, balancer.name],
    overrides: counted(process, replicas, instead),
  });
  return { outcome: { service: process, before, replicas, result, seconds }, pending: steps.length > 0 };
}
