import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown } from '../../core/reporter.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import { requireManifest } from '../../project/open.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { containersOf } from '../../stack/roles.ts';
import { readJournal } from '../database/journal.ts';
import { type Judged, judgeCache } from '../plan/cache-judge.ts';
import type { CacheSurvey } from '../plan/cache-keys.ts';
import { keysOf, type Leader } from '../plan/cache-nodes.ts';
import { cacheSourceText, startedWith } from '../plan/cache-source.ts';
import type { CacheAsked } from './asked.ts';
import { survey } from './move-keys.ts';
import { type Bench, refuseAborted, type Staging, stage } from './staging.ts';
import { cacheTarget } from './target.ts';

/** What the source has and what the cache takes, with the server that has the source’s data. */
export interface Looked extends Judged {
  staging: Staging;
  found: CacheSurvey;
  leaders: Leader[];
  /** Keys that the cache has now. */
  keysNow(): Promise<number>;
}

/** What an import works on. */
export interface Site {
  context: Context;
  project: Project;
  engine: Engine;
  /** Services of the application. */
  services: string[];
  hasBackups: boolean;
}

/** Reads the source, and judges it beside the cache of now. The server that has it is left to the caller. Changes nothing. */
export async function look(site: Site, asked: CacheAsked, locked: boolean): Promise<Looked> {
  const { context, project, engine } = site;
  const { signal } = context;
  const docker = await context.docker();
  const { project: name } = project.loaded.settings;
  const containers = await engine.observe(name);
  refuseForeign(name, containers, project.state.root);
  const nodes = containersOf(containers, requireManifest(project.state).services, 'cache');
  const [first] = nodes;
  if (!first)
    throw new UserError(
      'NOT_RUNNING',
      'this stack has no cache of its own that runs; nothing was changed',
      '`cache: { mode: single }`, or sentinel or cluster, then medianest up',
    );
  const room = (await cacheTarget(docker, signal, nodes)).leaders.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
  const password =
    asked.password ?? (asked.source.kind === 'container' ? await passwordIn(asked.source.container, docker, signal) : undefined);
  const bench: Bench = { context, docker, signal, project: name, image: first.image, locked, password, ca: asked.ca };
  const staging = await shown(context.report, `read ${cacheSourceText(asked.source)}`, () => stage(bench, asked.source, room));
  try {
    const found = await survey(staging.connection);
    const { leaders, highest } = await cacheTarget(
      docker,
      signal,
      nodes,
      Object.keys(found.databases)
        .map(Number)
        .map((number) => (asked.only === undefined ? number : 0)),
    );
    const keysNow = async () => keysOf((await cacheTarget(docker, signal, nodes)).leaders);
    return {
      keysNow,
      staging,
      found,
      leaders,
      ...judgeCache(found, leaders, { only: asked.only, highest, replace: asked.replace || isPart(site, containers) }),
    };
  } catch (error) {
    await staging.close();
    refuseAborted(bench);
    throw error;
  }
}

/** A killed import has left a part in the cache, and the application has not run since: nothing else wrote it. */
function isPart({ project, services }: Site, containers: readonly ObservedContainer[]): boolean {
  const { cache } = readJournal(project.state);
  return cache?.writing === true && !containers.some(({ service, state }) => services.includes(service) && state === 'running');
}

async function passwordIn(container: string, docker: Bench['docker'], signal: AbortSignal): Promise<string | undefined> {
  const { exitCode, stdout, tail } = await docker.run(['inspect', '--type', 'container', '--format', '{{json .Config}}', container], {
    signal,
    streamsApart: true,
  });
  if (exitCode === 0) return startedWith(JSON.parse(stdout));
  throw new UserError('USAGE', `${container}: ${tail.at(-1) ?? 'no answer'}; nothing was changed`, '`docker ps` lists the names');
}
