import { type Command, done } from '../../capability/capability.ts';
import { sinceOf } from '../../core/time.ts';

export const logs: Command = {
  name: 'logs',
  section: 'Look',
  summary: 'What services have written',
  example: 'medianest logs --follow app',
  args: '[services...]',
  options: [
    ['-f, --follow', 'Keep printing new lines until Ctrl-C'],
    ['-n, --tail <lines>', 'Only the last lines of each'],
    ['--since <time>', 'Only lines since a moment with its time zone, or for so long: 10m, "2 hours ago"'],
  ],
  run: async (context, args, options) => {
    const { expandServices, open, requireManifest } = await import('../../project/open.ts');
    const { composeArgs } = await import('../../docker/compose.ts');
    const { composeFiles } = await import('../compose-project.ts');
    const since = options.since === undefined ? undefined : sinceOf('--since', String(options.since), context.clock.now());
    const { loaded, state } = await open(context);
    const services = expandServices(requireManifest(state), args);
    const given = [
      ...(options.follow ? ['--follow'] : []),
      ...(typeof options.tail === 'string' ? ['--tail', options.tail] : []),
      ...(since ? ['--since', since.toISOString()] : []),
    ];
    const docker = await context.docker();
    const command = composeArgs(loaded.settings.project, state.root, composeFiles(state), 'logs', ...given, '--', ...services);
    if (!context.flags.json) return done(undefined, '', await docker.attach(command, context.signal));
    const { stdout, exitCode } = await docker.run(command.filter((arg) => arg !== '--follow'));
    return done({ lines: stdout.split('\n').filter(Boolean) }, '', exitCode);
  },
};
