import type { Step, StepHandlers } from '../capability/capability.ts';
import type { NextStep } from '../capability/next-step.ts';
import { plural } from '../core/plural.ts';
import { describeSteps } from '../project/execute.ts';
import { fold, hanging } from '../ui/fold.ts';
import { type Paint, painter, type Tone } from '../ui/paint.ts';
import type { UpOutcome } from './converge.ts';
import type { Action, Change, FileChange } from './plan/change.ts';
import { carriedText, leftBehindText } from './plan/left-data.ts';

interface Shown {
  width: number;
  paint: Paint;
}

const PLAIN: Shown = { width: Number.POSITIVE_INFINITY, paint: painter(false) };

const SIGNS: Readonly<Record<Exclude<Action, 'keep'>, [sign: string, tone: Tone]>> = {
  create: ['+', 'ok'],
  start: ['+', 'ok'],
  recreate: ['~', 'warn'],
  reload: ['~', 'warn'],
  remove: ['-', 'fail'],
};

export function describePlan(
  {
    changes,
    files,
    leftBehind,
    carried = [],
  }: { changes: readonly Change[]; files: readonly FileChange[]; leftBehind: readonly string[]; carried?: readonly string[] },
  steps: readonly Step[],
  kinds: StepHandlers,
  { width, paint }: Shown = PLAIN,
): string {
  const data = [carriedText(carried), leftBehindText(leftBehind)].filter((text) => text !== undefined);
  const changed = changes.flatMap((change) => (change.action === 'keep' ? [] : [{ ...change, action: change.action }]));
  const kept = plural(changes.length - changed.length, 'service');
  const listed = describeSteps(
    kinds,
    steps.filter((step) => step.kind !== 'mark-applied'),
  );
  const paragraphs = [
    changed.length > 0 ? changeLines(changed, { width, paint }) : [],
    listed.length > 0 ? ['Steps:', ...listed.map((line) => hanging('  - ', line, width))] : [],
    data.map((text) => fold(text, width)),
    [
      steps.length === 0
        ? `Nothing to do. ${kept} unchanged.`
        : fold(`${plural(changed.length, 'service')} to change, ${kept} unchanged, ${plural(files.length, 'file')} to write.`, width),
    ],
  ];
  return paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** `~ app-1  recreate  changed: image`, and below it what that costs, where it costs anything. */
function changeLines(changes: readonly (Change & { action: Exclude<Action, 'keep'> })[], { width, paint }: Shown): string[] {
  const longest = (texts: readonly string[]) => Math.max(...texts.map(({ length }) => length));
  const names = longest(changes.map(({ service }) => service));
  const actions = longest(changes.map(({ action }) => action));
  return changes.map(({ service, action, cause, downtime, dataRisk }) => {
    const [sign, tone] = SIGNS[action];
    const start = `${sign} ${service.padEnd(names)}  ${action.padEnd(actions)}  `;
    const costs = [
      ...(downtime.startsWith('none') ? [] : [`downtime: ${downtime}`]),
      ...(dataRisk.startsWith('none') ? [] : [`data at risk: ${dataRisk}`]),
    ];
    return [hanging(start, cause, width, paint(tone, start)), ...costs.map((cost) => hanging(' '.repeat(start.length), cost, width))].join(
      '\n',
    );
  });
}

export function describeUp(outcome: UpOutcome, kinds: StepHandlers, shown: Shown = PLAIN): string {
  if (outcome.result === 'planned') return describePlan(outcome, outcome.steps ?? [], kinds, shown);
  const { project, profile, seconds } = outcome;
  const first =
    outcome.result === 'unchanged'
      ? `Nothing to do: ${project} (${profile}) runs as planned.`
      : `${shown.paint('ok', `${project} (${profile}) is up`)} after ${seconds.toFixed(1)} s.`;
  return [
    first,
    ...outcome.urls.map((url) => `  ${url}`),
    ...(outcome.trust && !isFirst(outcome) ? [fold(`Browsers trust it once this CA is imported: ${outcome.trust}`, shown.width, 2)] : []),
  ].join('\n');
}

/** Nothing of it was there before: the person may not know yet what there is to do. */
export const isFirst = ({ result, changes }: Pick<UpOutcome, 'result' | 'changes'>): boolean =>
  result === 'changed' && changes.length > 0 && changes.every(({ action }) => action === 'create');

/** What to do after a first start: trust the CA, open the portal, and what capabilities add. */
export const nextSteps = ({ trust, urls }: Pick<UpOutcome, 'trust' | 'urls'>, more: readonly NextStep[]): NextStep[] => [
  ...(trust ? [{ command: 'medianest certs ca trust', why: `so that browsers here trust it; elsewhere import ${trust}` }] : []),
  ...(urls.length > 0 ? [{ command: 'medianest open', why: 'the portal in your browser' }] : []),
  ...more,
];

export function describeNext(steps: readonly NextStep[], width = Number.POSITIVE_INFINITY): string {
  const longest = Math.max(0, ...steps.map(({ command }) => command.length));
  return ['Next:', ...steps.map(({ command, why }) => hanging(`  ${command.padEnd(longest)}  `, why, width))].join('\n');
}
