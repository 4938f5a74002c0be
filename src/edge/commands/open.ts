import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

export const openCommand: Command = {
  name: 'open',
  section: 'Start',
  summary: 'The portal in your browser; without one here, its address',
  example: 'medianest open',
  run: async (context) => {
    const { open, requireManifest } = await import('../../project/open.ts');
    const { browserProgram } = await import('../plan/browser.ts');
    const { startProgram } = await import('../start-program.ts');
    const { loaded, state } = await open(context);
    const [url] = requireManifest(state).urls;
    if (url === undefined)
      throw new UserError('NOT_RUNNING', 'this profile publishes no address', 'medianest profiles shows what each one runs');
    const containers = await (await context.engine()).observe(loaded.settings.project);
    if (!containers.some((container) => container.state === 'running'))
      throw new UserError('NOT_RUNNING', `${url} does not answer: ${loaded.settings.project} does not run`, 'medianest up');
    const program = context.flags.dryRun ? undefined : browserProgram(process.platform, context.env, process.getuid?.());
    const opened = program !== undefined && (await startProgram(program, [url]));
    if (program !== undefined && !opened) context.report.warn(`${program} did not open a browser: open the address yourself`);
    return done({ url, opened }, url);
  },
};
