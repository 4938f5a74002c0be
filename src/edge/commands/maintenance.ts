import type { Context, Result } from '../../capability/capability.ts';
import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { numberOf } from '../../core/flags.ts';
import type { Overrides } from '../../stack/overrides.ts';

const RETRY_AFTER = 60;
const LONGEST_MESSAGE = 500;

/** Renders with or without the override, and reloads only the edge. */
async function reorder(
  context: Context,
  name: string,
  maintenance: (before: Overrides['maintenance']) => Overrides['maintenance'],
): Promise<Result> {
  const { open, requireManifest } = await import('../../project/open.ts');
  const { withRole } = await import('../../stack/roles.ts');
  const { converge } = await import('../../reconcile/converge.ts');
  const project = await open(context);
  const edges = withRole(requireManifest(project.state).services, 'edge');
  if (edges.length === 0) {
    throw new UserError(
      'NOT_RUNNING',
      `profile ${project.loaded.profile} has no edge, which would show the page`,
      'use a profile with an edge',
    );
  }
  let ordered: Overrides['maintenance'];
  const outcome = await converge(context, project, {
    overwrite: false,
    command: name,
    only: edges.map(({ component }) => component),
    overrides: ({ maintenance: before, ...overrides }) => {
      ordered = maintenance(before);
      return { ...overrides, ...(ordered && { maintenance: ordered }) };
    },
  });
  const state = ordered ? `on: visitors get 503, for now with Retry-After ${ordered.retryAfterSeconds}` : 'off: all visitors are served';
  const text = {
    changed: `maintenance is ${state}`,
    unchanged: `nothing to do: maintenance is ${state}`,
    planned: `maintenance would be ${state}`,
  };
  return done({ maintenance: ordered ?? null, result: outcome.result }, text[outcome.result]);
}

export const maintenanceOn: Command = {
  name: 'maintenance on',
  summary: 'Answer everybody but edge.operators with 503 and a page that says why',
  example: 'medianest maintenance on --message "New disks; back at 22:00"',
  options: [
    ['--message <text>', 'Shown on the page; plain text'],
    ['--retry-after <seconds>', `When clients should ask again (default: ${RETRY_AFTER})`],
  ],
  run: (context, _args, options) => {
    const asked = { most: 604_800, should: '1 to 604800 seconds', example: 600 };
    const retryAfterSeconds = numberOf('--retry-after', options.retryAfter, asked) ?? RETRY_AFTER;
    const message = typeof options.message === 'string' ? options.message.trim() : '';
    if (message.length > LONGEST_MESSAGE) {
      throw new UserError('USAGE', `--message has ${message.length} characters; the page takes ${LONGEST_MESSAGE}`, 'shorten it');
    }
    const now = context.clock.now().toISOString();
    return reorder(context, 'maintenance on', (before) => ({
      ...(message && { message }),
      retryAfterSeconds,
      since: before?.since ?? now,
    }));
  },
};

export const maintenanceOff: Command = {
  name: 'maintenance off',
  summary: 'Serve everybody again',
  example: 'medianest maintenance off',
  run: (context) => reorder(context, 'maintenance off', () => undefined),
};
