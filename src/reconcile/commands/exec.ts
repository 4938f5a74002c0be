import { type Command, done } from '../../capability/capability.ts';

/** What an image has: bash where it is there. */
const SHELL = ['sh', '-c', 'command -v bash >/dev/null && exec bash || exec sh'];

export const exec: Command = {
  name: 'exec',
  section: 'Change',
  summary: 'Run a program inside a service’s container, or a shell; of the database’s members, in the leader',
  example: 'medianest exec postgres -- psql medianest',
  args: '<service> [command...]',
  passThrough: true,
  run: async (context, args) => {
    const { expandServices, open, requireManifest } = await import('../../project/open.ts');
    const { composeArgs } = await import('../../docker/compose.ts');
    const { composeFiles } = await import('../compose-project.ts');
    const { chooseContainer } = await import('../choose-container.ts');
    const { refuseForeign } = await import('../refuse-foreign.ts');
    const { loaded, state } = await open(context);
    const [name = '', ...words] = args;
    const given = words[0] === '--' ? words.slice(1) : words;
    const command = given.length > 0 ? given : SHELL;
    const manifest = requireManifest(state);
    const services = expandServices(manifest, [name]);
    const { project } = loaded.settings;
    const engine = await context.engine();
    const containers = await engine.observe(project);
    refuseForeign(project, containers, state.root);
    const service = await chooseContainer(engine, manifest.services, services, containers, context.report);
    const terminal = process.stdin.isTTY && process.stdout.isTTY ? [] : ['--no-TTY'];
    const docker = await context.docker();
    const call = composeArgs(project, state.root, composeFiles(state), 'exec', ...terminal, service, ...command);
    return done(undefined, '', await docker.attach(call, context.signal));
  },
};
