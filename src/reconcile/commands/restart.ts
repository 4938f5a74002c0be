import { type Command, done } from '../../capability/capability.ts';

export const restart: Command = {
  name: 'restart',
  section: 'Change',
  summary: 'Restart services and wait until they are healthy again',
  example: 'medianest restart app',
  args: '[services...]',
  run: async (context, args) => {
    const { open } = await import('../../project/open.ts');
    const { restartServices } = await import('../restart.ts');
    const services = await restartServices(context, await open(context), args);
    return done(
      { restarted: services },
      context.flags.dryRun ? `would restart ${services.join(', ')}` : `restarted ${services.join(', ')}`,
    );
  },
};
