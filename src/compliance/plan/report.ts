import type { JsonObject } from '../../core/json.ts';
import { type Evidence, isFound, type Seen } from './evidence.ts';
import { type Judgement, type Point, STANDARDS, type Standard, VERDICTS, type Verdict } from './point.ts';
import { POINTS } from './points.ts';

export interface JudgedPoint extends Judgement, Pick<Point, 'id' | 'standard' | 'section' | 'title' | 'family'> {}

export type Counts = Record<Verdict, number>;

export interface ComplianceReport {
  project: string;
  profile: string;
  version: string;
  /** ISO 8601. */
  at: string;
  /** Names of the containers that were judged; empty where they could not be seen. */
  containers: string[];
  /** Services of the stack that have no container: nothing is said about them. */
  missing: string[];
  counts: Counts;
  points: JudgedPoint[];
}

/** @param services those that should run; undefined before the first `up` */
export function complianceReport(
  seen: Seen,
  about: Pick<ComplianceReport, 'project' | 'profile' | 'version' | 'at'>,
  services: readonly string[] = [],
): ComplianceReport {
  const containers: Evidence['containers'] = isFound(seen.containers) ? seen.containers.value : [];
  const points = POINTS.map(
    ({ id, standard, section, title, family, judge }): JudgedPoint => ({
      id,
      standard,
      section,
      title,
      ...(family && { family }),
      ...judge(seen),
    }),
  );
  return {
    ...about,
    containers: containers.map(({ name }) => name),
    missing: services.filter((name) => !containers.some(({ service }) => service === name)),
    counts: countsOf(points),
    points,
  };
}

export const countsOf = (points: readonly JudgedPoint[]): Counts =>
  Object.fromEntries(VERDICTS.map((verdict) => [verdict, points.filter((point) => point.verdict === verdict).length])) as Counts;

export const ofStandard = (points: readonly JudgedPoint[], standard: Standard): JudgedPoint[] =>
  points.filter((point) => point.standard === standard);

/** For `--strict`: what is open, and what could not be told, which never counts as met. */
export const isClosed = ({ counts }: ComplianceReport): boolean => counts.open + counts['cannot-tell'] === 0;

/** As `--json` prints it (docs/compliance.md). */
export function complianceJson({ points, ...report }: ComplianceReport): JsonObject {
  const standards = (Object.keys(STANDARDS) as Standard[]).map((id) => ({
    id,
    ...STANDARDS[id],
    counts: countsOf(ofStandard(points, id)),
  }));
  return { ...report, standards, points: points.map(({ family: _, ...point }) => ({ ...point })) };
}

/** What is told once of several points: those of one family that are open, and those that could not be told for one reason. */
export interface Alike {
  /** What they are about; undefined where the reason says all. */
  title: string | undefined;
  evidence: string;
  fix: string | undefined;
  ids: string[];
}

export function alike(points: readonly JudgedPoint[], verdict: 'open' | 'cannot-tell'): Alike[] {
  const all = new Map<string, Alike>();
  for (const point of points.filter((one) => one.verdict === verdict)) {
    const { id, family, title, evidence, fix } = point;
    const known = all.get(keyOf(point));
    if (known) known.ids.push(id);
    else all.set(keyOf(point), { title: verdict === 'open' ? (family ?? title) : undefined, evidence, fix, ids: [id] });
  }
  return [...all.values()];
}

const keyOf = ({ id, verdict, family, evidence, fix }: JudgedPoint): string =>
  verdict === 'open' ? (family ?? id) : [evidence, fix].join('\n');

export const WORDS: Readonly<Record<Verdict, string>> = {
  met: 'met',
  open: 'open',
  'not-applicable': 'not applicable',
  'cannot-tell': 'cannot tell',
  'by-hand': 'by hand',
};

/** `82 met, 24 open, 6 cannot tell, 70 by hand, 41 not applicable`. */
export const countText = (counts: Counts): string =>
  (['met', 'open', 'cannot-tell', 'by-hand', 'not-applicable'] as const)
    .filter((verdict) => counts[verdict] > 0)
    .map((verdict) => `${counts[verdict]} ${WORDS[verdict]}`)
    .join(', ');
