import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';

export const why: Command = {
  name: 'why',
  section: 'Look',
  summary: 'Why a service does not work: what is wrong with it and with what it needs, since when, and the fix (exit 5)',
  example: 'medianest why app',
  args: '<service>',
  run: async (context, [service = '']) => {
    const { open } = await import('../../project/open.ts');
    const { explain } = await import('../why.ts');
    const { describeWhy } = await import('../describe-why.ts');
    const { widthOf } = await import('../../ui/fold.ts');
    const { painter } = await import('../../ui/paint.ts');
    const answer = await explain(context, await open(context), service);
    return done(
      answer,
      describeWhy(answer, { width: widthOf(process.stdout), paint: painter(context.color) }),
      answer.status === 'fail' ? EXIT.unhealthy : EXIT.done,
    );
  },
};
