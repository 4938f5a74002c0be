import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';

export const update: Command = {
  name: 'update',
  section: 'Change',
  summary: 'Rebuild images whose packages have newer versions, and replace the services in a safe order',
  example: 'medianest update --check',
  options: [['--check', 'Only tell what is newer; exits 3 where anything is']],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { offersOf } = await import('../../project/offers.ts');
    const { update: run } = await import('../update.ts');
    const check = options.check === true;
    const project = await open(context);
    const outcome = await run(check ? { ...context, flags: { ...context.flags, dryRun: true } } : context, project);
    const offers = await offersOf(context, project);
    const lines = outcome.updates.map(
      ({ image, packages }) => `${image}: ${packages.map(({ name, from, to }) => `${name} ${from} -> ${to}`).join(', ')}`,
    );
    const last = {
      current: 'Everything is up to date.',
      planned: `would renew, in this order: ${outcome.order.join(', ')}`,
      updated: `renewed ${outcome.order.join(', ')} in ${outcome.seconds.toFixed(1)} s.`,
    }[outcome.result];
    return done(outcome, [...lines, ...offers, last].join('\n'), check && outcome.result === 'planned' ? EXIT.pending : EXIT.done);
  },
};
