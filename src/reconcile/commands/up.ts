import { type Command, done } from '../../capability/command.ts';
import { waitSecondsOf } from '../../core/flags.ts';

export const up: Command = {
  name: 'up',
  summary: 'Plan, build or pull, write, converge, wait until healthy, print where to go',
  example: 'medianest up --profile dev-compose',
  options: [
    ['--overwrite', 'Replace rendered files that were edited by hand (the edits are kept in edited/)'],
    ['--offline', 'Neither build nor pull: an image that is not here is an error'],
    ['--timeout <seconds>', 'How long to wait for services to become healthy (default: 180)'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { converge } = await import('../converge.ts');
    const { describeUp } = await import('../describe.ts');
    const opened = await open(context);
    const outcome = await converge(context, opened, {
      overwrite: options.overwrite === true,
      waitSeconds: waitSecondsOf(options.timeout),
      offline: options.offline === true,
    });
    const { orderOutside } = await import('../../certificates/renew.ts');
    const certificates = (await orderOutside(context, opened)).filter(({ action }) => action !== 'kept');
    const lines = certificates.map(({ name, action, cause }) => `certificate ${name}: ${action} (${cause})`);
    return done({ ...outcome, ...(certificates.length > 0 && { certificates }) }, [describeUp(outcome), ...lines].join('\n'));
  },
};
