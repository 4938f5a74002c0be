import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import { type Life, restartsSince, times } from '../docker/plan/lives.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import type { Service, Stack } from '../stack/types.ts';
import { judgeStart, LOOK_MS, settledIn } from './plan/started.ts';
import { isWell, tellingLines } from './unhealthy.ts';

/** An application's first answer proves little: it has to stay for as long as a replica that is rolled in, within bounds. */
const SETTLE_SECONDS = { least: 3, most: 10 };
const LIMIT_MS = 60_000;

type Lives = Readonly<Record<string, Life>>;

/** How the containers of a project live before they are touched. */
export async function livesOf(engine: Engine, project: string): Promise<Lives> {
  const running = (await engine.observe(project)).filter(({ state }) => state === 'running');
  return engine.lives(running.map(({ id }) => id));
}

/**
 * At the end of an `up`: no container of the stack ends again and again since it was started, though it may answer at
 * the moment of each look. It warns of one that ended during its start and has stayed up since.
 * @throws UserError UNHEALTHY
 */
export async function proveStarted(context: Context, engine: Engine, stack: Stack, before: Lives): Promise<void> {
  const services = new Map(stack.services.filter(({ oneOff }) => !oneOff).map((service) => [service.name, service]));
  const noticed = new Map<string, number>();
  let every = 0;
  const look = async () => {
    every = LOOK_MS;
    const containers = (await engine.observe(stack.project)).filter(({ service }) => services.has(service));
    const lives = await engine.lives(containers.map(({ id }) => id));
    const now = context.clock.now().getTime();
    let waits = false;
    for (const container of containers) {
      const life = lives[container.id];
      if (!life) continue;
      const { service, id } = container;
      const restarts = restartsSince(before[id], life);
      const upSeconds = (now - life.started) / 1000;
      const settleSeconds = settleOf(services.get(service), id in before);
      const verdict = judgeStart({ restarts, noticed: noticed.get(id) ?? 0, upSeconds, well: isWell(container), settleSeconds });
      if (restarts > 0) noticed.set(id, restarts);
      if (verdict === 'failed') throw await endsAgain(container, restarts, engine);
      // That a container is well was proven before; only one that has ended, or has just begun, is waited for.
      if (verdict !== 'wait' || (restarts === 0 && upSeconds >= settleSeconds)) continue;
      waits = true;
      if (restarts === 0) every = Math.min(every, settledIn(upSeconds, settleSeconds));
    }
    return waits ? undefined : containers;
  };
  const proven = await poll(look, { every: () => every, timeout: LIMIT_MS, signal: context.signal, clock: context.clock });
  const containers = proven ?? (await engine.observe(stack.project));
  for (const container of containers.filter(({ id }) => noticed.has(id))) {
    const restarts = noticed.get(container.id) ?? 0;
    if (!proven) throw await endsAgain(container, restarts, engine);
    context.report.warn(
      `${container.service} restarted ${times(restarts)} while it was started; \`medianest logs ${container.service}\` shows why`,
    );
  }
}

function settleOf(service: Service | undefined, ranBefore: boolean): number {
  if (service?.role !== 'application' || ranBefore) return 0;
  return Math.min(SETTLE_SECONDS.most, Math.max(SETTLE_SECONDS.least, service.rolling?.settleSeconds ?? 0));
}

async function endsAgain({ service, id }: ObservedContainer, restarts: number, engine: Engine): Promise<UserError> {
  const lines = await tellingLines(engine, id);
  return new UserError(
    'UNHEALTHY',
    [`${service} ends again and again: it restarted ${times(restarts)} since it was started`, ...lines.map((line) => `    ${line}`)].join(
      '\n',
    ),
    `\`medianest logs ${service}\` shows more; correct the cause and run \`medianest up\` again`,
  );
}
