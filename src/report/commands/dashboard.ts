import { type Command, done } from '../../capability/capability.ts';
import { numberOf } from '../../core/flags.ts';

export const dashboard: Command = {
  name: 'dashboard',
  section: 'Look',
  summary: 'A live page of the stack in your browser, from this host alone, until Ctrl-C: what is not ok, load, backups, certificates',
  example: 'medianest dashboard',
  options: [['--port <port>', 'Listen on this port of 127.0.0.1 (default: one that is free)']],
  run: async (context, _args, options) => {
    const asked = numberOf('--port', options.port, { least: 0, most: 65_535, should: 'a port', example: 8600 }) ?? 0;
    const { open } = await import('../../project/open.ts');
    const { serveDashboard } = await import('../serve.ts');
    const { remoteHint } = await import('../../host/plan/remote-hint.ts');
    // A mistake in the settings ends the command, not each refresh.
    await open(context);
    if (context.flags.dryRun) return done({ result: 'planned' }, 'would serve the dashboard on 127.0.0.1');
    await serveDashboard(context, asked, (url, port) => {
      if (context.flags.json) return context.print(JSON.stringify({ url, port }));
      context.print(url);
      const hint = remoteHint(context.env.SSH_CONNECTION, port);
      context.report.note(`Only who has this address can look. Ctrl-C ends it.${hint ? ` ${hint}` : ''}`);
    });
    return done(undefined, '');
  },
};
