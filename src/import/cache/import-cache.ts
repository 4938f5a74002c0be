import { removeJobs } from '../../backup/repository/job.ts';
import type { Context, Execution, Project } from '../../capability/capability.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { emptySecrets } from '../../secrets/store/secret-files.ts';
import { namesOf, withRole } from '../../stack/roles.ts';
import { cacheSourceText } from '../plan/cache-source.ts';
import type { CacheAsked, CacheOutcome } from './asked.ts';
import { carryOut } from './carry-out.ts';
import { look, type Site } from './look.ts';
import { outcomeOf } from './outcome.ts';

/** Copies the keys of a source into the cache of this stack, and compares them. @throws UserError whose words say what the cache has */
export async function importCache(context: Context, project: Project, asked: CacheAsked): Promise<CacheOutcome> {
  const began = Date.now();
  const stack = await describe(context, project.loaded);
  const site: Site = {
    ...{ context, project, engine: await context.engine() },
    services: withRole(stack.services, 'application').flatMap(({ oneOff, name }) => (oneOff ? [] : [name])),
    hasBackups: namesOf(stack.services, 'repository').length > 0,
  };
  const rehearsed = await look(site, asked, false);
  await rehearsed.staging.close();
  const planned = outcomeOf(site, asked, rehearsed);
  if (context.flags.dryRun) return { ...planned, seconds: (Date.now() - began) / 1000 };
  await asked.confirm(planned.steps, planned.notes);
  const source = cacheSourceText(asked.source);
  return withLock(context, project.state, `import cache ${source}`, async (lock, record) => {
    const docker = await context.docker();
    await removeJobs({ project: stack.project, docker });
    const prepared = { state: project.state, secrets: emptySecrets, project: stack.project };
    const run: Execution = { context, prepared, engine: site.engine, docker, lock, outage: { stoppedAt: undefined } };
    const done = await carryOut(site, asked, planned, run, () => record([source, planned.steps]));
    const { stoppedAt } = run.outage ?? {};
    return {
      ...done,
      seconds: (Date.now() - began) / 1000,
      outageSeconds: stoppedAt === undefined ? null : (Date.now() - stoppedAt) / 1000,
    };
  });
}
