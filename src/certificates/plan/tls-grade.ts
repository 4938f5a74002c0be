export interface Grade {
  /** testssl.sh's rating, as Qualys' SSL Labs gives it: `A+`. */
  grade: string;
  score: number | null;
  /** Why the grade is not better. */
  reasons: string[];
  /** What is of LOW severity or worse. */
  findings: { id: string; severity: string; finding: string }[];
}

const BAD = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'];

type Entry = { id: string; severity: string; finding: string };

/** Why testssl.sh has given up, in its own words. */
export const scanProblem = (report: string): string | undefined =>
  (JSON.parse(report) as Entry[]).find(({ severity }) => severity === 'FATAL')?.finding;

/** Reads testssl.sh's report; undefined where it could not rate anything, as at a closed port. @throws where it is none */
export function gradeOf(report: string): Grade | undefined {
  const entries = JSON.parse(report) as Entry[];
  const value = (id: string) => entries.find((entry) => entry.id === id)?.finding;
  const score = Number(value('final_score'));
  const grade = value('overall_grade');
  if (grade === undefined) return undefined;
  return {
    grade,
    score: Number.isFinite(score) ? score : null,
    reasons: entries.filter(({ id }) => id.startsWith('grade_cap_reason')).map(({ finding }) => finding),
    findings: entries.filter(({ severity }) => BAD.includes(severity)).map(({ id, severity, finding }) => ({ id, severity, finding })),
  };
}
