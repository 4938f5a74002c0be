import type { Context, Result } from './capability/capability.ts';
import type { GlobalFlags } from './capability/global-flags.ts';
import type { Parsed } from './cli/program.ts';
import { EXIT, UserError } from './core/errors.ts';
import { home } from './core/home.ts';
import { silent } from './core/reporter.ts';
import { explained } from './core/system-fault.ts';
import { writingFix } from './core/writing-fix.ts';
import { hanging, widthOf } from './ui/fold.ts';
import { painter, showsColor } from './ui/paint.ts';
import { visible, visibleJson, visibleReporter } from './ui/visible.ts';

declare const MEDIANEST_VERSION: string;

/**
 * Runs one command line: the only catch, the only writer of stdout, and the only exit status.
 * @param once whether the process ends with it: not where V8's code cache is written, which holds for the flags of the start
 */
export async function main(argv: string[], once = false): Promise<void> {
  // A reader that goes away (`medianest status | head -1`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done);
    process.stderr.write(
      `Error: the output cannot be written (${error.code})\nFix: ${writingFix(error.code, null) ?? 'write it to another place'}\n`,
      () => process.exit(EXIT.failed),
    );
  });
  if (argv[0] === '--version' || argv[0] === '-V') {
    process.stdout.write(`${MEDIANEST_VERSION}\n`);
    return;
  }
  if (argv[0] === '__complete') {
    const { completeLine } = await import('./cli/complete-line.ts');
    const cwd = workingFolder();
    if (cwd !== undefined) process.stdout.write(completeLine(argv.slice(1), { home, cwd, env: process.env }));
    return;
  }
  // Progress that cannot be written any more (a closed pipe, a lost terminal) must not interrupt a change.
  process.stderr.on('error', () => {});
  // Every mode is given where a file is made; the shell's umask would hide configuration from the containers' users.
  process.umask(0o022);
  const json = argv.includes('--json') || ['1', 'true'].includes(process.env.MEDIANEST_JSON ?? '');
  try {
    const { parseCommand } = await import('./cli/program.ts');
    const parsed = parseCommand(argv, process.env, MEDIANEST_VERSION);
    if (!parsed) return;
    const interruption = watchSignals();
    try {
      const context = await createContext(parsed.flags, interruption.signal);
      if (once) (await import('./cli/short-run.ts')).expectShortRun(process.versions.node, parsed.command.name);
      print(await runMeasured(context, parsed), parsed.flags.json);
    } finally {
      interruption.stop();
    }
  } catch (error) {
    printError(error, json, !argv.includes('--no-color') && !['1', 'true'].includes(process.env.MEDIANEST_NO_COLOR ?? ''));
  }
}

/** Runs a command; however it ends, metrics are written where it shows in them. A line that is wrong shows nowhere. */
async function runMeasured(context: Context, { command, args, options }: Parsed): Promise<Result> {
  let result: Result | undefined;
  let measured = command.measured && !context.flags.dryRun;
  try {
    result = await command.run(context, args, options);
    return result;
  } catch (error) {
    measured &&= !(error instanceof UserError && error.exitStatus === EXIT.usage);
    throw error;
  } finally {
    if (measured) {
      const { writeMetrics } = await import('./project/write-metrics.ts');
      await writeMetrics(context, { command: command.name, result });
    }
  }
}

function print(result: Result, json: boolean): void {
  process.exitCode = result.status;
  if (json && result.data !== undefined) process.stdout.write(`${visibleJson(result.data, 2)}\n`);
  else if (result.text) process.stdout.write(`${visible(result.text)}\n`);
}

/** Undefined where it was removed: completion has nothing to say there, and no error either. */
function workingFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

function printError(thrown: unknown, json: boolean, color: boolean): void {
  const error = explained(thrown);
  const known = error instanceof UserError;
  process.exitCode = known ? error.exitStatus : EXIT.failed;
  const { code, message, hint } = known
    ? error
    : {
        code: 'UNEXPECTED',
        message: (error as Error).message ?? String(error),
        hint: 'this is a fault in medianest: report it with the command and this message (MEDIANEST_DEBUG=1 adds the trace)',
      };
  if (json) process.stdout.write(`${visibleJson({ error: known ? error : { code, message, hint } }, 2)}\n`);
  else {
    const paint = painter(showsColor(color, process.env, process.stderr.isTTY === true));
    const width = widthOf(process.stderr);
    process.stderr.write(`${hanging('Error: ', visible(message), width, `${paint('fail', 'Error:')} `)}\n`);
    process.stderr.write(`${hanging('Fix: ', visible(hint), width, `${paint('strong', 'Fix:')} `)}\n`);
  }
  if (process.env.MEDIANEST_DEBUG === '1' && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
}

/** Ctrl-C, `kill`, and a terminal that was closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first Ctrl-C lets the running step end cleanly; the second gives up at once. */
function watchSignals(): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
    // What ends at once, such as `logs --follow`, needs no words.
    setTimeout(() => process.stderr.write('\nInterrupted: finishing the current step (again to stop at once)\n'), 300).unref();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

async function createContext(flags: GlobalFlags, signal: AbortSignal): Promise<Context> {
  const env = process.env;
  const report = flags.quiet ? silent : visibleReporter(await createReporter(flags));
  const trace = flags.verbose && !flags.quiet ? await import('./docker/trace.ts') : undefined;
  trace?.tracePrograms(report.verbose);
  return {
    home,
    cwd: process.cwd(),
    env,
    version: MEDIANEST_VERSION,
    flags,
    registry: async () => (await import('./services/index.ts')).registry,
    capabilities: async () => (await import('./capabilities.ts')).capabilities,
    engine: async () => {
      const engine = (await import('./docker/docker.ts')).connectEngine(env);
      return trace ? trace.traceEngine(engine, report.verbose) : engine;
    },
    docker: async () => (await import('./docker/compose.ts')).dockerCli,
    report,
    print: (line) => void process.stdout.write(`${line}\n`),
    color: showsColor(flags.color, env, process.stdout.isTTY === true),
    clock: { now: () => new Date() },
    signal,
    ask: async (question, secret) => {
      if (!process.stdin.isTTY || flags.json) return undefined;
      const { askTerminal } = await import('./ui/ask.ts');
      return askTerminal(question, signal, secret);
    },
  };
}

/**
 * Spinners on a terminal, plain lines elsewhere, and on one that does not tell its size (`script`, a serial console): a spinner cannot tell
 * there how many lines it has to clear. Loaded with the first thing to say.
 */
async function createReporter(flags: GlobalFlags): Promise<Context['report']> {
  const color = showsColor(flags.color, process.env, process.stderr.isTTY === true);
  const options = { verbose: flags.verbose, now: Date.now, color };
  if (process.stderr.isTTY && process.stderr.columns > 0 && process.env.TERM !== 'dumb') {
    const { ttyReporter } = await import('./ui/tty.ts');
    return ttyReporter(process.stderr, options);
  }
  const { plainReporter } = await import('./ui/plain.ts');
  return plainReporter((text) => process.stderr.write(text), options);
}
