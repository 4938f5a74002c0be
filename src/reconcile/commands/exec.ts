import { type Command, done } from '../../capability/capability.ts';

export const exec: Command = {
  name: 'exec',
  section: 'Change',
  summary: 'Run a program inside a service’s container',
  example: 'medianest exec postgres psql medianest',
  args: '<service> <command...>',
  passThrough: true,
  run: async (context, args) => {
    const { expandServices, open, requireManifest } = await import('../../project/open.ts');
    const { composeArgs } = await import('../../docker/compose.ts');
    const { composeFiles } = await import('../compose-project.ts');
    const { loaded, state } = await open(context);
    const [name = '', ...command] = args;
    const [service = ''] = expandServices(requireManifest(state), [name]);
    const terminal = process.stdin.isTTY && process.stdout.isTTY ? [] : ['--no-TTY'];
    const { refuseForeign } = await import('../refuse-foreign.ts');
    const { project } = loaded.settings;
    refuseForeign(project, await (await context.engine()).observe(project), state.root);
    const docker = await context.docker();
    const call = composeArgs(project, state.root, composeFiles(state), 'exec', ...terminal, service, ...command);
    return done(undefined, '', await docker.attach(call, context.signal));
  },
};
