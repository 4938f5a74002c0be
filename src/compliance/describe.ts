import { plural } from '../core/plural.ts';
import { hanging } from '../ui/fold.ts';
import type { Paint, Tone } from '../ui/paint.ts';
import { names, STANDARDS, type Standard, type Verdict } from './plan/point.ts';
import { alike, type ComplianceReport, countsOf, countText, type JudgedPoint, ofStandard, WORDS } from './plan/report.ts';

interface Shown {
  /** Every point; otherwise what is open and what cannot be told. */
  all: boolean;
  width: number;
  paint: Paint;
}

const TONES: Readonly<Record<Verdict, Tone>> = {
  met: 'ok',
  open: 'fail',
  'cannot-tell': 'warn',
  'by-hand': 'soft',
  'not-applicable': 'soft',
};

/** For a person: how many are met, then what is not, each with its fix. */
export function describeCompliance(report: ComplianceReport, shown: Shown): string {
  const { points, missing, counts } = report;
  const { all, width, paint } = shown;
  const standards = (Object.keys(STANDARDS) as Standard[]).map((id) => {
    const { title, version } = STANDARDS[id];
    return hanging('  ', `${title} ${version}: ${countText(countsOf(ofStandard(points, id)))}`, width);
  });
  const lines = all ? points.flatMap((point) => pointLines(point, shown)) : shortLines(points, shown);
  const rest = [
    ...(missing.length > 0 ? [hanging('', `not judged, because they have no container: ${names(missing, 12)}`, width)] : []),
    ...(all
      ? []
      : [
          hanging('', `${plural(counts['by-hand'], 'point')} are for you to judge: --all lists them, and --html FILE writes a page`, width),
        ]),
  ];
  return [`${report.project}: ${paint('strong', countText(counts))}`, ...standards, '', ...lines, ...rest].join('\n');
}

const shortLines = (points: readonly JudgedPoint[], { width, paint }: Shown): string[] =>
  (['open', 'cannot-tell'] as const).flatMap((verdict) =>
    alike(points, verdict).flatMap(({ title, evidence, fix, ids }) => {
      const word = WORDS[verdict];
      return [
        hanging(`${word}  `, `${names(ids, 12)}: ${title ?? evidence}`, width, `${paint(TONES[verdict], word)}  `),
        ...(title ? [hanging('      ', evidence, width)] : []),
        ...fixLine(fix, width),
      ];
    }),
  );

function pointLines({ id, title, verdict, evidence, fix }: JudgedPoint, { width, paint }: Shown): string[] {
  const word = WORDS[verdict];
  return [
    hanging(`${word}  `, `${id}: ${title}`, width, `${paint(TONES[verdict], word)}  `),
    hanging('      ', evidence, width),
    ...fixLine(fix, width),
  ];
}

const fixLine = (fix: string | undefined, width: number): string[] => (fix ? [hanging('      Fix: ', fix, width)] : []);
