import type { ContainerSecurity } from '../../docker/security-types.ts';
import { type Evidence, isFound, type Seen } from './evidence.ts';

export const STANDARDS = {
  cis: { title: 'CIS Docker Benchmark', version: '1.8.0' },
  asvs: { title: 'OWASP ASVS', version: '5.0.0, level 1' },
  gdpr: { title: 'GDPR', version: '2016/679' },
} as const;

export type Standard = keyof typeof STANDARDS;

/** `by-hand`: only a person can tell. `cannot-tell`: this run could not; it never counts as met. */
export const VERDICTS = ['met', 'open', 'not-applicable', 'cannot-tell', 'by-hand'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Judgement {
  verdict: Verdict;
  /** What was seen, or the reason. */
  evidence: string;
  /** What closes it: a setting or a command. */
  fix?: string;
}

/** One requirement of a standard, and how it is judged. Titles are in our own words: the standards' texts are not free. */
export interface Point {
  /** `cis-5.32`. */
  id: string;
  standard: Standard;
  /** As the standard numbers it: `5.32`, `V12.1.1`, `Art. 32(1)(a)`. */
  section: string;
  title: string;
  /** Of points that are alike, one for each of several files: what they are together, where they are told as one. */
  family?: string;
  /** The evidence that it is judged by; empty where only a person can judge. */
  needs: readonly (keyof Evidence)[];
  judge(seen: Seen): Judgement;
}

/** A point without its standard: tables add that. */
export type Row = Omit<Point, 'id' | 'standard'>;

/** A point that is judged by evidence. Without one of its parts it is `cannot-tell`, whatever `judge` would say. */
export function row<K extends keyof Evidence>(
  section: string,
  title: string,
  needs: readonly K[],
  judge: (found: Pick<Evidence, K>) => Judgement,
): Row {
  return {
    section,
    title,
    needs,
    judge: (seen) => {
      const found: Partial<Pick<Evidence, K>> = {};
      for (const name of needs) {
        const part = seen[name];
        if (!isFound(part)) return { verdict: 'cannot-tell', evidence: part.unknown, ...(part.fix && { fix: part.fix }) };
        found[name] = part.value;
      }
      return judge(found as Pick<Evidence, K>);
    },
  };
}

/** A point that only a person can judge. @param how where to look, or what to decide */
export const asked = (section: string, title: string, how: string): Row => ({
  section,
  title,
  needs: [],
  judge: () => ({ verdict: 'by-hand', evidence: how }),
});

export const met = (evidence: string): Judgement => ({ verdict: 'met', evidence });
export const open = (evidence: string, fix: string): Judgement => ({ verdict: 'open', evidence, fix });
export const notApplicable = (evidence: string): Judgement => ({ verdict: 'not-applicable', evidence });
export const cannotTell = (evidence: string, fix?: string): Judgement => ({ verdict: 'cannot-tell', evidence, ...(fix && { fix }) });
export const byHand = (evidence: string): Judgement => ({ verdict: 'by-hand', evidence });

/** Names for a sentence: all of a few, else the first ones and how many more. */
export function names(all: readonly string[], most = 6): string {
  const unique = [...new Set(all)];
  return unique.length > most ? `${unique.slice(0, most - 1).join(', ')} and ${unique.length - most + 1} more` : unique.join(', ');
}

export const OVERRIDE =
  'remove it from compose.override.yml of the state folder, then `medianest up`; if that does not name it: `medianest up`';

/**
 * A point that every container has to meet.
 * @param wrong what is wrong with one, or undefined @param good what is said where none is wrong
 */
export const everyContainer = (
  section: string,
  title: string,
  wrong: (container: ContainerSecurity) => string | boolean | undefined,
  good: string,
  fix = OVERRIDE,
  byDesign: ByDesign = {},
): Row =>
  row(section, title, ['containers'], ({ containers }) => {
    const bad = containers.flatMap((container) => {
      const what = wrong(container);
      return what ? [{ service: container.service, what, text: what === true ? container.name : `${container.name} (${what})` }] : [];
    });
    if (bad.length === 0) return met(`${good}: all ${containers.length}`);
    const fixes = new Set(bad.map(({ service, what }) => fixOf(service, fix, byDesign, what === true ? [] : what.split(', '))));
    return open(`${bad.length} of ${containers.length}: ${names(bad.map(({ text }) => text))}`, [...fixes].join('; '));
  });

/** Why containers of a service could not work otherwise, and what alone that explains. */
export type ByDesign = Readonly<Record<string, { why: string; needs?: readonly string[] }>>;

/** What to do about a container; of one that could not work otherwise, why it is so. @param found what it has: more than it needs is no design */
export function fixOf(service: string, fix: string, byDesign: ByDesign, found: readonly string[] = []): string {
  const design = Object.hasOwn(byDesign, service) ? byDesign[service] : undefined;
  if (!design || found.some((one) => !design.needs?.includes(one))) return fix;
  return `${design.why}: accept that, or leave \`components.${service}\` off`;
}

/** The rows of a standard as its points. */
export const pointsOf = (standard: Standard, rows: readonly Row[]): Point[] =>
  rows.map((each) => ({
    ...each,
    id: `${standard}-${each.section
      .replaceAll(/[^\w.]+/g, '-')
      .replaceAll(/^-|-$/g, '')
      .toLowerCase()}`,
    standard,
  }));
