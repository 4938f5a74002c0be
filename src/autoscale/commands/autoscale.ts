import { type Command, type Context, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { numberOf, textOf } from '../../core/flags.ts';

const openProject = async (context: Context) => (await import('../../project/open.ts')).open(context);

const status: Command = {
  name: 'autoscale status',
  summary: 'Replicas, limits, load, what was changed last and why, and why nothing is changed now',
  example: 'medianest autoscale status',
  run: async (context) => {
    const { known } = await import('../known.ts');
    const { autoscaleView, describeAutoscale } = await import('../plan/status.ts');
    const found = known(context, await openProject(context));
    return done(autoscaleView(found), describeAutoscale(found));
  },
};

const run: Command = {
  name: 'autoscale run',
  summary: 'Read the load for a while and change the number of replicas by it; a job runs this each minute',
  example: 'medianest autoscale run --dry-run',
  options: [['--for <seconds>', 'For how long (50)']],
  run: async (context, _args, options) => {
    const { requireManifest } = await import('../../project/open.ts');
    const { autoscale } = await import('../run.ts');
    const { autoscaleOf, isBalanced } = await import('../plan/settings.ts');
    const { RUN_SECONDS } = await import('../plan/schedule.ts');
    const { runText } = await import('../plan/run-text.ts');
    const seconds = numberOf('--for', options.for, { most: 3600, should: 'a number of seconds', example: RUN_SECONDS }) ?? RUN_SECONDS;
    const project = await openProject(context);
    const { settings } = project.loaded;
    requireManifest(project.state);
    const own = autoscaleOf(settings);
    if (!own || !isBalanced(settings))
      throw new UserError(
        'INVALID_SETTINGS',
        own ? 'without a balancer there is nothing to scale' : 'autoscaling is off',
        own ? 'choose a profile with a balancer, such as prod' : 'app.autoscale in medianest.yml switches it on',
      );
    const outcome = await autoscale(context, project, own, seconds);
    return done(outcome, runText(outcome));
  },
};

const pause: Command = {
  name: 'autoscale pause',
  summary: 'Leave the number of replicas as it is for a while; `scale` does that for an hour',
  example: 'medianest autoscale pause --for 4h',
  options: [['--for <duration>', 'For how long, such as 30m or 4h (1h)']],
  run: async (context, _args, options) => {
    const { durationOf } = await import('../../core/time.ts');
    const { pause: pauseNow } = await import('../pause.ts');
    const { pausedText } = await import('../plan/decide.ts');
    const paused = pauseNow(context, await openProject(context), durationOf('--for', textOf(options.for) ?? '1h'));
    return done(paused, `${context.flags.dryRun ? 'would be ' : ''}${pausedText(paused)}`);
  },
};

const resume: Command = {
  name: 'autoscale resume',
  summary: 'End what `autoscale pause` or `scale` has begun',
  example: 'medianest autoscale resume',
  run: async (context) => {
    const { resume: resumeNow } = await import('../pause.ts');
    const before = resumeNow(context, await openProject(context));
    const text = context.flags.dryRun ? 'autoscaling would continue' : 'autoscaling continues';
    return done({ resumed: before !== undefined }, before ? text : 'nothing is paused');
  },
};

export const commands: readonly Command[] = [status, run, pause, resume];
