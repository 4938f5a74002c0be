import { type Context, done, type Project, type Result } from '../capability/capability.ts';
import { forwardThrough } from '../docker/forward.ts';
import { remoteHint } from '../host/plan/remote-hint.ts';
import { requireManifest } from '../project/open.ts';
import { reachedPage } from './plan/pages.ts';

/**
 * Passes a page of the stack on to a port of this machine's 127.0.0.1, until Ctrl-C; no port is published.
 * @param port 0 for one that is free
 * @param show opens a browser where there is one
 * @throws UserError USAGE, NOT_RUNNING, PORT_TAKEN
 */
export async function openPage(
  context: Context,
  { loaded, state }: Project,
  name: string,
  port: number,
  show: (url: string) => Promise<boolean>,
): Promise<Result> {
  const containers = await (await context.engine()).observe(loaded.settings.project);
  const { page, through } = reachedPage(name, requireManifest(state), containers);
  if (context.flags.dryRun) return done({ result: 'planned' }, `would pass ${name} on to 127.0.0.1`);
  const told = new Set<string>();
  const failed = (why: string) => {
    if (!told.has(why)) context.report.warn(`${name} cannot be reached: ${why}`);
    told.add(why);
  };
  const started = (given: number) => {
    const url = `http://127.0.0.1:${given}${page.path ?? ''}/`;
    context.print(context.flags.json ? JSON.stringify({ url, port: given, user: page.user ?? null, secret: page.secret ?? null }) : url);
    const who = page.user ? `Sign in as ${page.user}: the password is in ${state.at('secrets', name, page.secret ?? '')}.` : OPEN;
    const hint = remoteHint(context.env.SSH_CONNECTION, given);
    context.report.note(`${who} Ctrl-C ends it.${hint ? ` ${hint}` : ''}`);
    // A browser that starts takes its time; connections are passed on meanwhile.
    show(url).catch((error: Error) => context.report.warn(error.message));
  };
  await forwardThrough({ container: through, address: page.address, port: page.port, listen: port }, context.signal, started, failed);
  return done(undefined, '');
}

const OPEN = 'Nothing asks for a password: every user of this machine can open it meanwhile.';
