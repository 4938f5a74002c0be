import type { JsonObject } from '../../core/json.ts';
import { composeServices, differences } from '../../reconcile/plan/change.ts';
import type { Manifest } from '../../stack/manifest.ts';
import { COMPOSE_FILE } from '../../stack/render.ts';
import { CHANGE_MS, type Evidence } from './why.ts';

/** Told with both values. Of others the name is enough: an environment may hold what is private. */
const WITH_VALUES = ['image', 'mem_limit', 'cpus', 'pids_limit', 'user'];
const MOST = 4;

interface Render {
  at: Date;
  before: Manifest;
  now: Manifest;
}

/** What the last render changed of these services, if it came within half an hour before a moment: the image of a release, a setting, a file. */
export function settingsChanged(services: readonly string[], { at, before, now }: Render, moment: Date): Evidence[] {
  const age = moment.getTime() - at.getTime();
  if (age < 0 || age > CHANGE_MS) return [];
  const [old, fresh] = [before, now].map((manifest) => composeServices(textOf(manifest))) as [Definitions, Definitions];
  return services.flatMap((service): Evidence[] => {
    const [was, is] = [old[service], fresh[service]];
    if (!was || !is) return [];
    const keys = differences(was, is).map((key) => described(key, was, is));
    const files = filesOf(now, service).filter((file) => hashOf(before, file) !== hashOf(now, file));
    const all = [...keys, ...files];
    if (all.length === 0) return [];
    const more = all.length > MOST ? `, and ${all.length - MOST} more` : '';
    return [{ at: at.toISOString(), source: 'settings', text: `${service}: ${all.slice(0, MOST).join(', ')}${more}` }];
  });
}

type Definitions = Record<string, JsonObject>;

const textOf = ({ files }: Manifest): string | undefined => files.find(({ path }) => path === COMPOSE_FILE)?.contents;
const hashOf = ({ files }: Manifest, file: string): string | undefined => files.find(({ path }) => path === file)?.sha256;
const filesOf = ({ files }: Manifest, service: string): string[] =>
  files.filter(({ path }) => path.startsWith(`${service}/`)).map(({ path }) => path);

function described(key: string, was: JsonObject, is: JsonObject): string {
  if (!WITH_VALUES.includes(key)) return key;
  return `${key} ${String(was[key] ?? 'none')} -> ${String(is[key] ?? 'none')}`;
}
