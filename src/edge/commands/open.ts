import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { numberOf } from '../../core/flags.ts';

export const openCommand: Command = {
  name: 'open',
  section: 'Start',
  summary: 'The portal in your browser, or grafana, kibana or jaeger until Ctrl-C; without a browser, the address',
  example: 'medianest open',
  args: '[page]',
  options: [['--port <port>', 'For a page: listen on this port of 127.0.0.1 (default: one that is free)']],
  run: async (context, [page], options) => {
    const port = numberOf('--port', options.port, { least: 0, most: 65_535, should: 'a port', example: 8600 });
    const { open, requireManifest } = await import('../../project/open.ts');
    const { browserProgram } = await import('../plan/browser.ts');
    const { startProgram } = await import('../start-program.ts');
    const project = await open(context);
    const show = async (url: string): Promise<boolean> => {
      const program = context.flags.dryRun ? undefined : browserProgram(process.platform, context.env, process.getuid?.());
      const opened = program !== undefined && (await startProgram(program, [url]));
      if (program !== undefined && !opened) context.report.warn(`${program} did not open a browser: open the address yourself`);
      return opened;
    };
    if (page !== undefined) {
      const { openPage } = await import('../open-page.ts');
      return openPage(context, project, page, port ?? 0, show);
    }
    if (port !== undefined) throw new UserError('USAGE', '--port is for a page', 'medianest open grafana --port 8600');
    const { loaded, state } = project;
    const [url] = requireManifest(state).urls;
    if (url === undefined)
      throw new UserError('NOT_RUNNING', 'this profile publishes no address', 'medianest profiles shows what each one runs');
    const containers = await (await context.engine()).observe(loaded.settings.project);
    if (!containers.some((container) => container.state === 'running'))
      throw new UserError('NOT_RUNNING', `${url} does not answer: ${loaded.settings.project} does not run`, 'medianest up');
    const opened = await show(url);
    return done({ url, opened }, url);
  },
};
