import type { Capability, Context, Project, Seen } from '../capability/capability.ts';
import type { Clue } from '../capability/clue.ts';
import { UserError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import { judgeLife, type Life } from '../docker/plan/lives.ts';
import type { ContainerStory, ObservedContainer } from '../docker/types.ts';
import { askGuards } from '../project/guards.ts';
import { expandServices, requireManifest } from '../project/open.ts';
import { tellingLines } from '../reconcile/unhealthy.ts';
import type { Manifest } from '../stack/manifest.ts';
import { readAudit } from '../state/audit.ts';
import { lastRender } from '../state/last-render.ts';
import { look } from './collect.ts';
import {
  type Cause,
  CHANGE_MS,
  causeOf,
  changesBefore,
  type Evidence,
  neededBy,
  recentEnd,
  type Suspect,
  type Why,
  withClues,
} from './plan/why.ts';
import { leaderCause } from './plan/why-members.ts';
import { settingsChanged } from './plan/why-settings.ts';

/** A container that loops is seen between two lives within this time, unless it lives long. */
const LOOP_MS = 5000;
/** A life that the engine began so recently may end like the one before it. */
const YOUNG_MS = 10_000;

/**
 * Looks at a service and at all that it needs.
 * @param name a service, a component, or several containers' common name
 * @throws UserError NOT_RUNNING before the first `up`, UNKNOWN_SERVICE
 */
export async function explain(context: Context, project: Project, name: string): Promise<Why> {
  const manifest = requireManifest(project.state);
  const names = expandServices(manifest, [name]);
  const asked = manifest.services.filter((service) => names.includes(service.name));
  const seen = await look(context, project);
  const now = context.clock.now().getTime();
  const suspects = await Promise.all([...neededBy(asked, manifest.services), ...asked].map((service) => suspect(service)));
  async function suspect({ name: service, component }: Manifest['services'][number]): Promise<Suspect> {
    const container = seen.containers.find((entry) => entry.service === service);
    const life = container && seen.lives[container.id];
    const story = container && (await storyOf(container, life));
    const bare: Suspect = { service, component, container, story, life, lines: [] };
    // The log is read of those alone that have something to explain.
    const wrong = container && (causeOf(bare, now) ?? recentEnd(bare, now));
    return wrong ? { ...bare, lines: await tellingLines(seen.engine, container.id) } : bare;
  }
  /** Of a container that ends again and again, between two of its lives: while it runs, the engine does not say how it ended. */
  async function storyOf({ id, state }: ObservedContainer, life: Life | undefined): Promise<ContainerStory | undefined> {
    let last: ContainerStory | undefined;
    // One that has ended once or twice is not judged to loop yet: it is about to be started, or to end again.
    const young = life !== undefined && life.restarts > 0 && now - life.started < YOUNG_MS;
    const loops = state === 'restarting' || young || (life !== undefined && judgeLife(life, now) === 'loops');
    const asked = async () => {
      last = await seen.engine.story(id);
      return last?.running === true && loops ? undefined : true;
    };
    await poll(asked, { every: 100, timeout: LOOP_MS, signal: context.signal });
    return last;
  }
  const members = leaderCause(suspects, manifest.services, seen.members);
  const broken = [...suspects.flatMap((one) => causeOf(one, now) ?? []), ...members];
  const past = broken.length > 0 ? [] : suspects.flatMap((one) => recentEnd(one, now) ?? []);
  const held = await heldUp(context, project, name);
  const causes = [...held, ...broken, ...past];
  const since = causes.flatMap(({ since: at }) => (at ? [new Date(at)] : [])).sort((a, b) => a.getTime() - b.getTime())[0];
  const told = withClues(causes, await cluesOf(seen, causes, since ?? new Date(now)));
  return {
    service: name,
    status: held.length + broken.length > 0 ? 'fail' : past.length > 0 ? 'warn' : 'ok',
    causes: told,
    changes: since ? [...changesBefore(readAudit(project.state.at('audit.jsonl')), since), ...changedOf(project, told, since)] : [],
  };
}

/** What capabilities know of the services that are the causes. One that cannot tell says so, with the first of them. */
async function cluesOf(seen: Seen, causes: readonly Cause[], since: Date): Promise<Clue[]> {
  const services = [...new Set(causes.map(({ service }) => service))];
  const [first] = services;
  if (first === undefined) return [];
  const about = { services, from: new Date(since.getTime() - CHANGE_MS) };
  const ask = async ({ clues }: Capability): Promise<Clue[]> => {
    try {
      return (await clues?.(seen, about)) ?? [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [{ service: first, at: null, source: 'alert', text: `cannot be told: ${error.message}` }];
    }
  };
  return (await Promise.all((await seen.context.capabilities()).map(ask))).flat();
}

function changedOf({ state }: Project, causes: readonly Cause[], since: Date): Evidence[] {
  try {
    const [render, now] = [lastRender(state), state.manifest()];
    const services = causes.map(({ service }) => service);
    return render && now ? settingsChanged(services, { ...render, now }, since) : [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ at: null, source: 'settings', text: `cannot be told: ${error.message}` }];
  }
}

/** Interrupted work that keeps every change out, such as a restore that was killed: nothing else can be mended before. */
async function heldUp(context: Context, { state }: Project, service: string): Promise<Cause[]> {
  try {
    await askGuards(context, state);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ service, what: `waits: ${error.message.replace(/; nothing was changed$/, '')}`, since: null, evidence: [], fix: error.hint }];
  }
}
