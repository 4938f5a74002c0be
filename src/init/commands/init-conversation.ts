import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { bytes } from '../../host/plan/finding.ts';
import { table } from '../../ui/table.ts';
import { discoverHost } from '../discover.ts';
import { KNOWN, proposeProfile, proposeUrl, valueAt, withValue } from '../plan/init.ts';

export interface Answers {
  settings: JsonObject;
  /** Setting -> a secret that was typed: it gets a file of its own. */
  secrets: { path: readonly string[]; value: string }[];
}

const SECRETS = [
  { beside: ['external', 'plex', 'url'], path: ['external', 'plex', 'token'], question: 'Plex token (X-Plex-Token; empty for none)' },
  { beside: ['external', 'overseerr', 'url'], path: ['external', 'overseerr', 'apiKey'], question: 'Overseerr API key (empty for none)' },
];

/** Asks what was not said yet, each question with a proposal that Enter takes. */
export async function converse(context: Context, start: JsonObject): Promise<Answers> {
  const seen = await discoverHost(context);
  let settings = start;
  const say = (text: string) => context.report.note(text);
  const isGiven = (path: readonly string[]) => valueAt(settings, path) !== undefined;
  const ask = async (question: string, proposal: string): Promise<string> => {
    if (context.flags.yes || context.flags.dryRun) return proposal;
    const answer = await context.ask(`${question}${proposal && ` [${proposal}]`}: `);
    if (answer === undefined)
      throw new UserError('INTERRUPTED', 'the questions were left; nothing was written', 'medianest init begins again');
    return answer.trim() || proposal;
  };
  if (!isGiven(['profile'])) {
    const rows = seen.profiles.map((fit) => [
      fit.name,
      `${fit.containers}`,
      bytes(fit.memoryBytes),
      fit.problem ?? 'fits this machine',
      fit.description,
    ]);
    if (!context.flags.yes && !context.flags.dryRun) say(table([['PROFILE', 'CONTAINERS', 'MEMORY AT MOST', 'HERE', 'FOR'], ...rows]));
    const proposal = proposeProfile(seen.profiles)?.name ?? seen.profiles[0]?.name ?? '';
    settings = withValue(
      settings,
      ['profile'],
      await askAgain(
        () => ask('Profile', proposal),
        (name) =>
          knows(
            name,
            seen.profiles.map((fit) => fit.name),
          ),
        say,
      ),
    );
  }
  const profile = String(valueAt(settings, ['profile']));
  if (await hasEdge(context, profile)) settings = await names(settings, seen, ask, isGiven, say);
  for (const known of KNOWN) {
    if (isGiven(known.setting)) continue;
    const found = proposeUrl(known, seen.neighbours, seen.listening, seen.address);
    if (found) say(`${known.title} was found: ${found.from}`);
    const url = await askAgain(() => ask(`Address of ${known.title} (- for none)`, found?.url ?? '-'), isUrl, say);
    if (url !== '-') settings = withValue(settings, known.setting, url);
  }
  const secrets: Answers['secrets'] = [];
  for (const { beside, path, question } of SECRETS) {
    if (!isGiven(beside) || isGiven(path)) continue;
    const value = context.flags.yes || context.flags.dryRun ? '' : ((await context.ask(`${question}: `, true)) ?? '').trim();
    if (value) secrets.push({ path, value });
  }
  return { settings, secrets };
}

const hasEdge = async (context: Context, chosen: string): Promise<boolean> => {
  const { listProfiles } = await import('../../project/load-settings.ts');
  const { loadInput } = await import('../../project/load-settings.ts');
  return listProfiles(await loadInput(context)).some(({ name, components }) => name === chosen && components.includes('edge'));
};

type Seen = Awaited<ReturnType<typeof discoverHost>>;

async function names(
  settings: JsonObject,
  seen: Seen,
  ask: (question: string, proposal: string) => Promise<string>,
  isGiven: (path: readonly string[]) => boolean,
  say: (text: string) => void,
): Promise<JsonObject> {
  let next = settings;
  if (!isGiven(['edge', 'domains'])) {
    if (seen.publicAddress) say(`this host has the public address ${seen.publicAddress}: a name in the DNS may point to it`);
    const answer = await ask('Names of the portal, separated by commas', seen.hostName ?? 'localhost');
    next = withValue(next, ['edge', 'domains'], list(answer));
  }
  if (!isGiven(['edge', 'address'])) {
    const answer = await ask(
      'Address to publish it on: 127.0.0.1 for this host alone, 0.0.0.0 for everyone, every for IPv6 as well, or one of this host',
      wide(next) ? '0.0.0.0' : '127.0.0.1',
    );
    next = withValue(next, ['edge', 'address'], answer);
  }
  return next;
}

/** A name other than the host's own means that the portal should be reachable. */
const wide = (settings: JsonObject): boolean => {
  const domains = valueAt(settings, ['edge', 'domains']);
  return Array.isArray(domains) && domains.some((name) => name !== 'localhost');
};

const list = (text: string): Json[] =>
  text
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);

const isUrl = (text: string): string | undefined =>
  text === '-' || /^https?:\/\/[^\s/]+/.test(text) ? undefined : 'write an address such as http://192.168.1.20:32400, or - for none';

const knows = (name: string, known: readonly string[]): string | undefined =>
  known.includes(name) ? undefined : `choose one of ${known.join(', ')}`;

/** Three times; then it is an error. */
async function askAgain(
  ask: () => Promise<string>,
  problem: (answer: string) => string | undefined,
  say: (text: string) => void,
  left = 3,
): Promise<string> {
  const answer = await ask();
  const wrong = problem(answer);
  if (wrong === undefined) return answer;
  if (left <= 1) throw new UserError('USAGE', `${JSON.stringify(answer)} does not fit; nothing was written`, wrong);
  say(wrong);
  return askAgain(ask, problem, say, left - 1);
}
