import type { Check } from '../../capability/check.ts';
import { plural } from '../../core/plural.ts';

/** What the edge says of bans (/run/bans), all times as Unix time of its container. */
export interface EdgeState {
  /** When it was looked at. */
  seen: number;
  /** When CrowdSec has answered last; 0 for never. */
  at: number;
  count: number;
  /** Its memory for them is full: those that end first have no place. */
  full: boolean;
  problem: string;
}

/** What the container of CrowdSec says. */
export interface EngineState {
  seen: number;
  /** When a line of the edge has arrived last; undefined where none has since its start. */
  line: number | undefined;
  /** A damaged database was put aside. */
  damaged: boolean;
}

/** The edge asks every five seconds, and what it sends is counted every ten. */
const LATE_SECONDS = 45;

export const READ_EDGE = ['bash', '-c', 'date +%s; cat /run/bans'];
export const READ_ENGINE = [
  'bash',
  '-c',
  'date +%s; stat --format %Y /run/crowdsec/lines 2>/dev/null || echo none; ls /var/lib/crowdsec/crowdsec.db.damaged 2>/dev/null',
];

/** @returns undefined where that is no answer of the edge */
export function edgeState(output: string): EdgeState | undefined {
  const [seen = '', text = ''] = output.trim().split('\n');
  try {
    const { at, count, full, problem } = JSON.parse(text) as Partial<EdgeState>;
    if (typeof at !== 'number' || typeof count !== 'number') return undefined;
    return { seen: Number(seen), at, count, full: full === true, problem: String(problem ?? '') };
  } catch {
    return undefined;
  }
}

/** @returns undefined where that is no answer of the container */
export function engineState(output: string): EngineState | undefined {
  const [seen = '', line = '', damaged = ''] = output.trim().split('\n');
  if (!/^\d+$/.test(seen)) return undefined;
  return { seen: Number(seen), line: /^\d+$/.test(line) ? Number(line) : undefined, damaged: damaged.endsWith('.damaged') };
}

const WHY = 'medianest why crowdsec';
const STAYS = 'who is banned stays so, and no further client is banned';

/** For `health`: whether bans are decided, and in force. Undefined: that container could not be asked. */
export function banChecks(edge: EdgeState | undefined, engine: EngineState | undefined): Check[] {
  return [inForce(edge), decided(engine), ...(engine?.damaged ? [DAMAGED] : [])];
}

const DAMAGED: Check = {
  id: 'crowdsec.database',
  status: 'warn',
  message: 'bans: the database of CrowdSec was damaged, and a new one was begun; bans from before end in the edge alone',
  remedy: 'medianest exec crowdsec rm /var/lib/crowdsec/crowdsec.db.damaged',
};

function inForce(edge: EdgeState | undefined): Check {
  const id = 'crowdsec.edge';
  if (!edge) return { id, status: 'fail', message: 'bans: the edge does not say who is banned', remedy: 'medianest why edge' };
  const late = edge.seen - edge.at;
  if (late > LATE_SECONDS) {
    const since = edge.at === 0 ? 'since its start' : `for ${late} s`;
    const why = edge.problem && ` (${edge.problem})`;
    return { id, status: 'fail', message: `bans: the edge gets no answer of CrowdSec ${since}${why}: ${STAYS}`, remedy: WHY };
  }
  if (edge.problem) return { id, status: 'warn', message: `bans: ${edge.problem}`, remedy: WHY };
  if (edge.full)
    return {
      id,
      status: 'warn',
      message: `bans: the edge has no place for more than the ${plural(edge.count, 'ban')} in force: those that end first are left out`,
      remedy: 'ban ranges in place of addresses: medianest bans list',
    };
  return { id, status: 'ok', message: `bans: ${plural(edge.count, 'ban')} in force at the edge`, value: edge.count };
}

function decided(engine: EngineState | undefined): Check {
  const id = 'crowdsec.engine';
  if (!engine) return { id, status: 'fail', message: `bans: CrowdSec does not run: ${STAYS}`, remedy: WHY };
  const { line, seen } = engine;
  if (line === undefined || seen - line > LATE_SECONDS)
    return { id, status: 'fail', message: 'bans: CrowdSec gets no lines of the edge, so it bans no client', remedy: WHY };
  return { id, status: 'ok', message: 'bans: CrowdSec reads what the edge logs' };
}
