import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const FOLDER = path.join(HOME, 'templates/app/launch');
const PROGRAM = path.join(FOLDER, `launch-${process.arch === 'x64' ? 'amd64' : process.arch}`);

const run = (args: string[], env: Record<string, string> = { PATH: '/usr/bin:/bin' }) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(PROGRAM, args, { env, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(child.exitCode) : 0, stdout, stderr }),
    );
  });

/** The environment that a program gets, as it is. */
const environment = async (args: string[], env?: Record<string, string>) => {
  const { stdout } = await run(['env', ...args, '--', 'env', '-0'], env);
  return Object.fromEntries(
    stdout.split('\0').flatMap((line) => (line ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]] : [])),
  );
};

describe('the programs of the package', () => {
  it.each(
    readFileSync(path.join(FOLDER, 'SHA256SUMS'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)),
  )('have the sum %s of %s: after a change of launch.c, run ./build', (sum, file = '') => {
    expect(
      createHash('sha256')
        .update(readFileSync(path.join(FOLDER, file)))
        .digest('hex'),
    ).toBe(sum);
  });
});

describe('launch env', () => {
  const folder = temporaryFolder('launch');
  const file = (name: string, contents: string) => {
    writeFileSync(path.join(folder, name), contents);
    return path.join(folder, name);
  };

  it.each([
    ['lines', 'first\nsecond\n\n'],
    ['dollars', '$HOME ${PATH} $(id) `id` $$'],
    ['quotes', `a'b"c\\d`],
    ['equals', '=a=b='],
    ['empty', ''],
    ['unicode', 'é🦊 \u2028'],
    ['long', 'x'.repeat(120_000)],
  ])('hands %s byte for byte', async (name, value) => {
    expect(await environment([`SECRET=${file(name, value)}`])).toMatchObject({ SECRET: value });
  });

  it('replaces a variable of that name, and leaves the others, whatever their names', async () => {
    const env = await environment([`A=${file('a', 'inside')}`], { PATH: '/usr/bin:/bin', A: 'outside', AB: 'other', 'odd.name': 'kept' });
    expect(env).toEqual({ PATH: '/usr/bin:/bin', A: 'inside', AB: 'other', 'odd.name': 'kept' });
  });

  it('becomes the program: its arguments, exit code and process are its own', async () => {
    const { code, stdout } = await run(['env', '--', 'sh', '-c', 'printf "%s|" "$0" "$@"; exit 7', 'zero', 'a b', '--', '']);
    expect([code, stdout]).toEqual([7, 'zero|a b|--||']);
  });

  it.each([
    [127, /there is no program nothing-here/, ['--', 'nothing-here']],
    [127, /there is no program \/no\/such/, ['--', '/no/such']],
    [126, /cannot run \/tmp/, ['--', '/tmp']],
    [127, /no program to run/, ['--']],
    [127, /no program to run/, ['A=/dev/null']],
    [1, /cannot open \/no\/file/, ['A=/no/file', '--', 'true']],
    [1, /cannot read \/tmp/, ['A=/tmp', '--', 'true']],
    [1, /should be NAME=FILE: A/, ['A', '--', 'true']],
    [1, /should be NAME=FILE: =/, ['=/dev/null', '--', 'true']],
  ])('ends with %i and says %s', async (code, words, args) => {
    expect(await run(['env', ...args])).toMatchObject({ code, stderr: expect.stringMatching(words) });
  });

  it('says that a value is too large for a variable', async () => {
    const args = [`A=${file('large', 'x'.repeat(200_000))}`, '--', 'true'];
    expect(await run(['env', ...args])).toMatchObject({ code: 126, stderr: expect.stringMatching(/128 KiB at most/) });
  });

  it('looks where an empty PATH entry and a folder that is no folder leave off', async () => {
    expect((await run(['env', '--', 'true'], { PATH: `/no:/etc/passwd::/usr/bin:/bin` })).code).toBe(0);
    expect((await run(['env', '--', 'true'], {})).code).toBe(0);
  });
});

describe('launch probe', () => {
  const server = createServer((request, response) => {
    if (request.url === '/slow') return;
    response.writeHead(Number(request.url?.slice(1))).end('x'.repeat(100_000));
  });
  const listening = async (one: { listen(port: number, host: string): unknown; address(): unknown }) => {
    one.listen(0, '127.0.0.1');
    await once(one as ReturnType<typeof createServer>, 'listening');
    return String((one.address() as AddressInfo).port);
  };

  it('goes by the status', async () => {
    const port = await listening(server);
    const codes = await Promise.all(
      ['/200', '/204', '/302', '/404', '/429', '/500'].map(async (url) => (await run(['probe', port, url, '5'])).code),
    );
    const started = performance.now();
    const slow = await run(['probe', port, '/slow', '1']);
    server.closeAllConnections();
    server.close();
    expect(codes).toEqual([0, 0, 0, 1, 1, 1]);
    expect(slow).toMatchObject({ code: 1, stderr: expect.stringMatching(/no answer in time/) });
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  it('tells a closed port and another protocol from health', async () => {
    const other = createTcpServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-OpenSSH_9.2\r\n'),
    );
    const port = await listening(other);
    const [wrong] = await Promise.all([run(['probe', port, '/', '5'])]);
    other.close();
    await once(other, 'close');
    const closed = await run(['probe', port, '/', '5']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/no HTTP answer/)]);
    expect([closed.code, closed.stderr]).toEqual([1, expect.stringMatching(/nothing listens/)]);
  });

  it.each([[['probe', 'x', '/', '1']], [['probe', '80', '/']], [['other']], [[]]])('refuses %j', async (args) => {
    expect((await run(args)).code).toBe(1);
  });
});
