import type { Project, Seen } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { containersOf } from '../stack/roles.ts';
import { ASKING, type Ask, bodiesOf, pathOf, type Series, seriesOf } from './plan/samples.ts';

/** A page waits for so long: Prometheus itself gives up on a query after 15 s. */
const SECONDS = '40';

/** Why a stack that has no Prometheus is not measured. */
export const NOT_MEASURED = 'Not measured: there is no Prometheus. `observability: light` adds it.';

/**
 * Asks the Prometheus of a running stack, in its own container: nothing of it is published. All questions are one process there.
 * @param paths of its API (https://prometheus.io/docs/prometheus/latest/querying/api/) @returns what `read` makes of each body, in their order
 * @throws UserError NOT_RUNNING where it does not answer, or refuses
 */
export async function getFromPrometheus<T>(
  { engine, manifest, containers }: Seen,
  paths: readonly string[],
  read: (body: string) => T,
): Promise<T[]> {
  const container = prometheusIn({ manifest, containers });
  if (!container) throw away('it does not run');
  const argv = ['timeout', SECONDS, 'bash', '-c', ASKING, 'ask-prometheus', ...paths];
  const { exitCode, output } = await engine.exec(container.id, argv);
  if (exitCode === 124) throw away(`not within ${SECONDS} s`);
  if (exitCode !== 0) throw away(output.trim().split('\n').at(-1)?.slice(0, 200) ?? '');
  try {
    return bodiesOf(output, paths.length).map(read);
  } catch (error) {
    throw away((error as Error).message);
  }
}

/** @throws UserError as `getFromPrometheus` */
export const askPrometheus = (seen: Seen, asks: readonly Ask[]): Promise<Series[][]> => getFromPrometheus(seen, asks.map(pathOf), seriesOf);

const prometheusIn = ({ manifest, containers }: Pick<Seen, 'manifest' | 'containers'>) =>
  containersOf(containers, manifest?.services, 'monitoring').find(({ state }) => state === 'running');

/** Whether there is a Prometheus that can be asked. */
export const runsPrometheus = (seen: Pick<Seen, 'manifest' | 'containers'>): boolean => prometheusIn(seen) !== undefined;

const away = (why: string): UserError =>
  new UserError('NOT_RUNNING', `Prometheus does not answer: ${why}`, 'medianest why prometheus; then run the same command again');

/** How often a project is measured, in seconds. */
export const scrapeSecondsOf = ({ loaded }: Project): number =>
  (loaded.settings.prometheus as { scrapeSeconds: number } | undefined)?.scrapeSeconds ?? 15;
