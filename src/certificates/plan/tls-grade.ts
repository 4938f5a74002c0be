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

/** Reads testssl.sh's report. @throws where it is none */
export function gradeOf(report: string): Grade {
  const entries = JSON.parse(report) as { id: string; severity: string; finding: string }[];
  const value = (id: string) => entries.find((entry) => entry.id === id)?.finding;
  const score = Number(value('final_score'));
  return {
    grade: value('overall_grade') ?? '?',
    score: Number.isFinite(score) ? score : null,
    reasons: entries.filter(({ id }) => id.startsWith('grade_cap_reason')).map(({ finding }) => finding),
    findings: entries.filter(({ severity }) => BAD.includes(severity)).map(({ id, severity, finding }) => ({ id, severity, finding })),
  };
}
