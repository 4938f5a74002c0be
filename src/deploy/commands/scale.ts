import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

export const scale: Command = {
  name: 'scale',
  summary: 'More or fewer replicas, without a reload or a dropped request; valid until app.replicas is changed in medianest.yml',
  example: 'medianest scale app=5',
  args: '<service=count>',
  run: async (context, [what = '']) => {
    const { open } = await import('../../project/open.ts');
    const { scaleApp } = await import('../scale.ts');
    const [service, count, ...rest] = what.split('=');
    const replicas = Number(count);
    if (service !== 'app' || rest.length > 0 || !/^\d+$/.test(count ?? '')) {
      throw new UserError(
        'USAGE',
        `${JSON.stringify(what)}: should be app=COUNT; only the app has replicas to scale`,
        'medianest scale app=5',
      );
    }
    const outcome = await scaleApp(context, await open(context), replicas);
    const text =
      outcome.result === 'unchanged'
        ? `app runs ${replicas} replica${replicas === 1 ? '' : 's'} already.`
        : `app: ${outcome.before} -> ${replicas} replicas in ${outcome.seconds.toFixed(1)} s.`;
    return done(outcome, outcome.result === 'planned' ? `would scale app: ${outcome.before} -> ${replicas} replicas` : text);
  },
};
