import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { RULES_TARGET } from '../services/edge/settings/waf.ts';
import type { Loaded } from '../settings/loaded.ts';
import { containersOf, namesOf } from '../stack/roles.ts';
import type { StateFolder } from '../state/state.ts';
import { CRS, type RulesInUse, rulesText } from './plan/crs.ts';
import { type WafEntry, wafCollector } from './plan/waf-log.ts';
import { findRules, wafOf } from './store/waf-rules.ts';

const DEBIAN = '/usr/share/modsecurity-crs/rules/REQUEST-901-INITIALIZATION.conf';

/** For `status` and `health`: what the WAF does, and which rules it reads. Undefined where there is no WAF. */
export async function wafStatus(context: Context, loaded: Loaded, state: StateFolder) {
  const waf = wafOf(loaded);
  if (!waf || waf.mode === 'off' || namesOf(state.manifest()?.services, 'edge').length === 0) return undefined;
  const rules = await rulesInUse(context, loaded, state);
  return { mode: waf.mode, paranoia: waf.paranoia, rules, text: rulesText(rules, context.clock.now()) };
}

async function rulesInUse(context: Context, loaded: Loaded, state: StateFolder): Promise<RulesInUse> {
  const own = findRules(loaded, state)?.rules;
  if (own) {
    const since = own.own ? undefined : new Date(CRS.released);
    return { version: own.version, from: own.own ? own.label : 'as released', chosen: own.own, since };
  }
  const [version, seconds] = await Promise.all([
    inEdge(context, loaded, state, ['cat', '/usr/share/medianest/crs-version']),
    inEdge(context, loaded, state, ['stat', '--format', '%Y', DEBIAN]),
  ]);
  return {
    version: version.trim() || undefined,
    from: 'Debian',
    chosen: wafOf(loaded)?.rules.source === 'debian',
    since: /^\d+\s*$/.test(seconds) ? new Date(Number(seconds) * 1000) : undefined,
  };
}

/** Every rule that the running edge has read. Empty where it does not run. */
export async function loadedRules(context: Context, loaded: Loaded, state: StateFolder): Promise<Set<number>> {
  const own = findRules(loaded, state);
  const folder = own ? `${RULES_TARGET}/${own.rules.folder}` : '/usr/share/modsecurity-crs/rules';
  const output = await inEdge(context, loaded, state, ['grep', '-rhoE', "id:'?[0-9]{6}", '--include=*.conf', folder]);
  return new Set([...output.matchAll(/id:'?(\d{6})/g)].map(([, id]) => Number(id)));
}

async function inEdge(context: Context, loaded: Loaded, state: StateFolder, argv: string[]): Promise<string> {
  const engine = await context.engine();
  const containers = await engine.observe(loaded.settings.project);
  const edge = containersOf(containers, state.manifest()?.services, 'edge').find((container) => container.state === 'running');
  const { exitCode, output } = edge ? await engine.exec(edge.id, argv) : { exitCode: 1, output: '' };
  return exitCode === 0 ? output : '';
}

/**
 * What the edge's log says about the WAF. Only these lines are kept: the log of a busy portal is large. The WAF's lines are in
 * stderr, and Compose would write both streams as one.
 */
export async function readWafLog(context: Context, loaded: Loaded, state: StateFolder, since: Date): Promise<WafEntry[]> {
  const collector = wafCollector();
  const unread = (why: string) => new UserError('NOT_RUNNING', `the edge’s log cannot be read: ${why}`, 'medianest status shows what runs');
  const engine = await context.engine();
  const edges = containersOf(await engine.observe(loaded.settings.project), state.manifest()?.services, 'edge');
  if (edges.length === 0) throw unread('there is no edge');
  const docker = await context.docker();
  for (const { id } of edges) {
    const { exitCode, tail } = await docker.run(['logs', '--since', since.toISOString(), id], {
      signal: context.signal,
      unbuffered: true,
      streamsApart: true,
      onLine: collector.add,
    });
    if (exitCode !== 0) throw unread(tail.at(-1)?.trim() ?? 'no answer');
  }
  return collector.entries();
}
