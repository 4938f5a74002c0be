import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';

const status: Command = {
  name: 'front status',
  summary: 'Which projects of this user share ports, by which names, and whether the front runs',
  example: 'medianest front status',
  run: async (context) => {
    const { frontPlace } = await import('../store.ts');
    const { frontStatus } = await import('../status.ts');
    const { describeFront } = await import('../plan/status.ts');
    const found = await frontStatus(frontPlace(context.env), await context.engine());
    const { projects } = found.claims;
    const bad = Object.keys(projects).length > 0 && found.state !== 'healthy';
    const { name, root, state, image } = found;
    return done({ name, root, state, image: image ?? null, projects }, describeFront(found), bad ? EXIT.unhealthy : EXIT.done);
  },
};

const up: Command = {
  name: 'front up',
  summary: 'Start the front again, from the newest image that this project has; a new container costs about 1 s',
  example: 'medianest front up',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { prepare } = await import('../../reconcile/prepare.ts');
    const { frontPlace, readClaims } = await import('../store.ts');
    const { dueFor, observeFront } = await import('../running.ts');
    const { applyFront } = await import('../perform.ts');
    const { loaded } = await open(context);
    const engine = await context.engine();
    const { stack } = await prepare(context, loaded, { running: true, asLeftOut: true });
    const place = frontPlace(context.env);
    const image = stack.services.find(({ role }) => role === 'balancer')?.image.ref;
    if (!image || !readClaims(place).projects[stack.project])
      throw new UserError('NOT_RUNNING', `${stack.project} does not share ports`, 'set `edge.shared: true`, then run `medianest up`');
    if ((await engine.missingImages([image])).length > 0)
      throw new UserError('IMAGE_MISSING', `the engine does not have ${image}; nothing was changed`, 'medianest up');
    if (context.flags.dryRun) {
      const found = dueFor(place, readClaims(place), await observeFront(engine, place), image);
      return done({ changed: false, due: found ?? null }, found ? `would bring up the front: ${found.cause}` : 'nothing to do');
    }
    const found = await applyFront(image, { context, engine }, true);
    return done(
      { changed: found !== undefined, due: found ?? null },
      found ? `the front is up (${found.cause})` : 'the front serves already',
    );
  },
};

export const commands: readonly Command[] = [status, up];
