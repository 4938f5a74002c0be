import type { ExecaError } from 'execa';
import { EXIT, systemCode, UserError } from '../core/errors.ts';
import { INSTALL_DOCKER } from '../core/home.ts';
import { startedProgram } from '../core/programs.ts';
import { proxyVariables } from '../stack/proxies.ts';

/** Oldest Compose that has all that is used here (`--wait-timeout`, `start_interval`, `create_host_path`). */
export const MIN_COMPOSE = '2.24.0';

export interface RunOptions {
  signal?: AbortSignal;
  /** Each line of the program's output, as it comes. */
  onLine?: (line: string) => void;
  onStart?: (pid: number | undefined) => void;
  input?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** For output of any length: `onLine` sees it, `stdout` stays empty. */
  unbuffered?: boolean;
  /** Each stream has its own lines: what is written to the other one meanwhile never ends up within a line. */
  streamsApart?: boolean;
  /** Ctrl-C reaches it as it reaches us, and it ends with us: for what only reads. */
  foreground?: boolean;
  /** A container of `docker run` is given the proxies of the client's configuration: for one that talks to addresses outside alone. */
  proxies?: boolean;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  /** The last lines of both streams. */
  tail: string[];
}

/** Runs `docker` with an argument list, never a shell string. */
export interface DockerCli {
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The same, with this terminal: for `exec`. Returns the exit status. */
  attach(args: readonly string[], signal: AbortSignal): Promise<number>;
}

export const TAIL_LINES = 40;

/** Without the shell's own COMPOSE_* (a project name, other files, `--ignore-orphans`): they are meant for other projects. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COMPOSE_') || name === 'COMPOSE_PARALLEL_LIMIT'));

/** Runs a program with an argument list to its end, whatever its exit status. @throws UserError where it cannot be started, or on Ctrl-C */
export async function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { execa } = await import('execa');
  const ended = startedProgram(program, args);
  const child = execa(program, args, {
    all: true,
    reject: false,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.input !== undefined && { input: options.input }),
    ...(options.signal && { cancelSignal: options.signal }),
    env: { ...environment(), ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
    extendEnv: false,
    killSignal: 'SIGINT',
    forceKillAfterDelay: 15_000,
    // Its own process group: Ctrl-C reaches it once, through us.
    detached: !options.foreground,
    stripFinalNewline: false,
    maxBuffer: 16 * 1024 ** 2,
    buffer: !options.unbuffered,
  });
  options.onStart?.(child.pid);
  const tail: string[] = [];
  const read = async (from: 'all' | 'stdout' | 'stderr') => {
    for await (const line of child.iterable({ from })) {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      options.onLine?.(line);
    }
  };
  await Promise.all((options.streamsApart ? (['stdout', 'stderr'] as const) : (['all'] as const)).map(read));
  const result = await child;
  ended(result.exitCode);
  options.onStart?.(undefined);
  if (options.signal?.aborted) throw new UserError('INTERRUPTED', 'interrupted', 'run the same command again: it continues from here');
  if (result.exitCode === undefined) throw startFailure(program, result);
  return { exitCode: result.exitCode, stdout: result.stdout ?? '', tail };
}

const NO_PROXIES: readonly string[] = Object.entries(proxyVariables()).flatMap(([name, value]) => ['--env', `${name}=${value}`]);

/** The client's arguments, so that `run` does not hand the proxies of the client's configuration to the container. */
export const withoutProxies = (args: readonly string[]): readonly string[] =>
  args[0] === 'run' ? ['run', ...NO_PROXIES, ...args.slice(1)] : args;

export const dockerCli: DockerCli = {
  run: (args, options) => runProgram('docker', options?.proxies ? args : withoutProxies(args), options),
  attach: async (args, signal) => {
    const { execa } = await import('execa');
    const ended = startedProgram('docker', args);
    const result = await execa('docker', args, {
      stdio: 'inherit',
      reject: false,
      env: environment(),
      extendEnv: false,
      cancelSignal: signal,
      killSignal: 'SIGINT',
    });
    ended(result.exitCode);
    if (signal.aborted) return EXIT.interrupted;
    if (result.exitCode === undefined && !result.signal) throw startFailure('docker', result);
    return result.exitCode ?? EXIT.interrupted;
  },
};

function startFailure(program: string, result: unknown): unknown {
  const cause = result instanceof Error ? (result as ExecaError) : undefined;
  if (program !== 'docker') {
    return new UserError(
      'HOOK_FAILED',
      `${program} could not be run: ${cause?.shortMessage ?? String(result)}`,
      'check its path (relative to medianest.yml) and that it is executable',
      { cause },
    );
  }
  if (systemCode(result) === 'ENOENT') {
    return new UserError(
      'COMPOSE_MISSING',
      'the docker client is not installed (no `docker` in PATH); nothing was changed',
      `install it: ${INSTALL_DOCKER}`,
      { cause },
    );
  }
  return new UserError(
    'ENGINE_FAILED',
    `docker could not be run: ${cause?.shortMessage ?? String(result)}`,
    'run `docker version` to see why',
    { cause },
  );
}

/** `docker compose` with the project's files; the argument lists of everything medianest asks of it. */
export const composeArgs = (project: string, stateRoot: string, files: readonly string[], ...rest: string[]): string[] => [
  'compose',
  '--progress=plain',
  '--project-name',
  project,
  '--project-directory',
  stateRoot,
  ...files.flatMap((file) => ['--file', file]),
  ...rest,
];

/** Compose's version. @throws UserError when the plugin is missing or too old */
export async function checkCompose(cli: DockerCli): Promise<string> {
  const { exitCode, stdout, tail } = await cli.run(['compose', 'version', '--short']);
  const version = stdout.trim().replace(/^v/, '');
  if (exitCode !== 0 || !/^\d/.test(version)) {
    throw new UserError(
      'COMPOSE_MISSING',
      `docker has no Compose plugin (${tail.at(-1) ?? 'no answer'}); nothing was changed`,
      `install docker-compose-plugin (Docker’s packages) or docker-compose (Debian), or all of Docker: ${INSTALL_DOCKER}`,
    );
  }
  if (olderThan(version, MIN_COMPOSE)) {
    throw new UserError(
      'COMPOSE_TOO_OLD',
      `docker compose is ${version}; medianest needs ${MIN_COMPOSE} or newer; nothing was changed`,
      'upgrade docker-compose-plugin (Docker’s packages) or docker-compose (Debian): https://docs.docker.com/compose/install/linux/',
    );
  }
  return version;
}

function olderThan(version: string, minimum: string): boolean {
  const [a, b] = [version, minimum].map((text) => text.split(/[.+-]/).map(Number)) as [number[], number[]];
  for (let i = 0; i < 3; i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
  }
  return false;
}
