import { performance } from 'node:perf_hooks';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { removeTree, statOptional, writeUnsynced } from '../../core/files.ts';
import { hasTable, loadRules } from '../../firewall/nft.ts';
import { merged, type Span, spansOf } from '../../firewall/plan/addresses.ts';
import { type BanElement, bansChanges, bansRuleset, bansTableOf } from '../../firewall/plan/bans-table.ts';
import type { Policy } from '../../firewall/plan/policy.ts';
import { dropTable } from '../../firewall/plan/ruleset.ts';
import { readPolicy } from '../../firewall/read-policy.ts';
import { firewallFolder, hasFirewall, readRules, rulesFile } from '../../firewall/store.ts';
import { open } from '../../project/open.ts';
import type { BansSettings } from '../../services/crowdsec/settings/bans-settings.ts';
import { answerOf, type Banned, type Elements, elementsOf, forget, take } from '../plan/banned.ts';
import type { Enforced } from '../plan/enforced.ts';
import { ask, bansSettingsOf, neverOf } from '../provider.ts';
import { inTime } from './in-time.ts';

/** Settings, lists and the confirmed rules are read again so often. */
const LOOK_MS = 60_000;
/** Elements end after an hour, and are renewed long before: if this program dies, the sets are empty an hour later. */
const LONGEST_SECONDS = 3600;
const RENEW_MS = 15 * 60_000;
/** So often CrowdSec is asked for all bans, whatever it has told of changes. */
const WHOLE_MS = 60 * 60_000;
/** More changes than these are loaded as a whole: that costs less. */
const MOST_CHANGES = 5_000;

export const enforcedFile = ({ state }: Project): string => `${firewallFolder(state)}/bans.json`;

/** The elements that these bans are, by the settings of now. */
export const wantedElements = (banned: Banned, never: readonly Span[], now: number): Elements =>
  elementsOf(banned, never, now, LONGEST_SECONDS);

/** Those whom no ban may touch. */
export const neverSpans = async (context: Context, project: Project): Promise<Span[]> =>
  merged(spansOf((await neverOf(context, project)).map(({ range }) => range)));

/** Keeps the bans of CrowdSec in a table of the kernel. What it knows it has from CrowdSec: until that has answered, the kernel keeps what it has. */
export class FirewallBans {
  /** What of the host is read, by the settings of now. */
  hostLogs: BansSettings['hostLogs'] = false;
  private readonly banned: Banned = new Map();
  /** CrowdSec has told of all bans since the last answer that was lost. */
  private whole = false;
  private known = false;
  private policy: Policy | undefined;
  private never: Span[] = [];
  private nextLook = 0;
  private rulesSeen = '';
  private nextRenewal = 0;
  private nextWhole = 0;
  /** The rules and protected addresses that were loaded last. */
  private loaded: string | undefined;
  private at: string | null = null;
  private pending: Promise<unknown> | undefined;

  constructor(private readonly context: Context) {}

  /**
   * One look at settings, CrowdSec and the kernel, and at most one transaction.
   * @param logs what is wrong with the logs of the host, for `health`
   * @returns what is wrong; empty where nothing is
   */
  async round(project: Project, logs: string): Promise<string> {
    const now = performance.now();
    let problem = '';
    const tried = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problem ||= error.message;
      }
    };
    await tried(async () => {
      // Rules that were loaded since may open other ports; where they were removed, the table must not come back.
      const rules = (['trial', 'confirmed'] as const).map((kept) => statOptional(rulesFile(project.state, kept))?.mtimeMs).join();
      if (now < this.nextLook && rules === this.rulesSeen) return;
      await this.look();
      this.rulesSeen = rules;
    });
    if (!this.policy) {
      if (problem === '') await tried(() => this.clear(project));
      return problem;
    }
    const { policy } = this;
    let touched: ReadonlySet<string> = new Set();
    await tried(async () => {
      touched = await this.learn(policy.project, now);
    });
    let found: Elements = { elements: [], leftOut: 0 };
    await tried(async () => {
      found = await this.load(policy, touched, performance.now());
      if (problem === '') this.at = this.context.clock.now().toISOString();
    });
    // On a full disk bans are kept in force all the same.
    await tried(async () => this.note(project, found, problem, logs));
    return problem;
  }

  private async look(): Promise<void> {
    const project = await open(this.context);
    const policy = await readPolicy(this.context, project);
    const confirmed = readRules(project.state, 'confirmed') !== undefined;
    this.never = policy.bans ? await neverSpans(this.context, project) : [];
    this.policy = policy.bans && confirmed ? policy : undefined;
    this.hostLogs = this.policy ? bansSettingsOf(project).hostLogs : false;
    this.nextLook = performance.now() + LOOK_MS;
  }

  /** Bans are switched off, or no rules are confirmed. */
  private async clear(project: Project): Promise<void> {
    const table = bansTableOf(project.loaded.settings.project);
    if (await hasTable(table)) await loadRules(dropTable(table));
    removeTree(enforcedFile(project));
    this.banned.clear();
    this.known = false;
    this.whole = false;
    this.loaded = undefined;
  }

  /** @returns keys of the bans that are new or ended. @throws UserError where CrowdSec did not answer */
  private async learn(name: string, now: number): Promise<ReadonlySet<string>> {
    const all = !this.whole || now >= this.nextWhole;
    this.whole = false;
    if (this.pending) throw new UserError('NOT_RUNNING', 'the engine has not answered yet', 'see whether it runs');
    const asked = askBans(this.context, name, all).finally(() => {
      this.pending = undefined;
    });
    this.pending = asked.catch(() => undefined);
    const answer = answerOf(await inTime(asked));
    if (!answer) throw new UserError('NOT_RUNNING', 'CrowdSec has answered something else than its bans', 'medianest why crowdsec');
    if (all) {
      this.banned.clear();
      this.nextRenewal = 0;
      this.nextWhole = now + WHOLE_MS;
    }
    this.whole = true;
    this.known = true;
    return take(this.banned, answer, now);
  }

  private async load(policy: Policy, touched: ReadonlySet<string>, now: number): Promise<Elements> {
    forget(this.banned, now);
    const found = wantedElements(this.banned, this.never, now);
    if (!this.known) return found;
    const rules = `${bansRuleset(policy, [])}${this.never.map(({ first, last }) => `${first}-${last}`).join()}`;
    const changed = this.loaded !== rules;
    // What is not loaded for an error is loaded as a whole the next time.
    this.loaded = undefined;
    const due = now >= this.nextRenewal || changed || !(await hasTable(bansTableOf(policy.project)));
    if (due || touched.size > MOST_CHANGES || [...touched].some((key) => key.startsWith('ranges'))) {
      await loadRules(bansRuleset(policy, found.elements));
      this.nextRenewal = now + RENEW_MS;
    } else if (touched.size > 0) {
      await loadRules(changesOf(policy.project, found.elements, touched));
    }
    this.loaded = rules;
    return found;
  }

  private note(project: Project, { elements, leftOut }: Elements, problem: string, logs: string): void {
    const looked = this.context.clock.now().toISOString();
    const state: Enforced = { at: this.at, looked, count: elements.length, leftOut, problem, logs };
    const text = `${JSON.stringify(state)}\n`;
    // `firewall remove` has removed the folder: it must not come back.
    if (hasFirewall(project.state)) writeUnsynced(enforcedFile(project), text);
  }
}

function changesOf(project: string, elements: readonly BanElement[], touched: ReadonlySet<string>): string {
  const added = elements.filter(({ set, text }) => touched.has(`${set} ${text}`));
  const kept = new Set(added.map(({ set, text }) => `${set} ${text}`));
  const removed = [...touched].filter((key) => !kept.has(key)).map((key) => key.split(' ') as [BanElement['set'], string]);
  return bansChanges(
    project,
    added,
    removed.map(([set, text]) => ({ set, text })),
  );
}

/** What CrowdSec tells those that enforce its bans: all of them, or what is new since it was asked last. @throws UserError NOT_RUNNING */
export async function askBans(context: Context, project: string, which: boolean | 'compare'): Promise<string> {
  const engine = await context.engine();
  return ask(engine, await engine.observe(project), ['decisions', which === 'compare' ? which : which ? 'all' : 'new']);
}
