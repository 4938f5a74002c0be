import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { docker, HOME } from '../cli.ts';
import { PREFIX } from '../workspace.ts';

const IMAGE = 'medianest-test/copy-servers:1';
const SOURCE = path.join(HOME, 'test/support/backup/copy-servers');
/** npm's packages of the S3 and Azure servers, kept between runs. */
const SERVERS = path.join(os.tmpdir(), 'medianest-test-copy-servers');
/** Azurite’s own, which everybody knows. */
const ACCOUNT = 'devstoreaccount1';
const ACCOUNT_KEY = Buffer.from('Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==', 'base64');
const CONTAINER = 'far';

const must = async (args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await docker(args);
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const signed = (text: string) => createHmac('sha256', ACCOUNT_KEY).update(text).digest('base64');

/** OpenSSH, s3rver and Azurite in a container on the network that copies go out by. */
export interface CopyServers {
  host: string;
  /** Private key that the SSH server knows. */
  key: string;
  hostKeys: string[];
  /** Starts them; what they hold stays. */
  start(network: string): Promise<void>;
  stop(): Promise<void>;
  /** Whom the SSH server lets in. */
  letIn(known: boolean): Promise<void>;
  /** An address with a signature for Azure’s container, which is made. */
  sasUrl(): Promise<string>;
  run(...argv: string[]): Promise<string>;
  destroy(): Promise<void>;
}

export async function copyServers(name: string): Promise<CopyServers> {
  const host = `${PREFIX}-${name}-far`;
  const dir = mkdtempSync(path.join(os.tmpdir(), `medianest-${name}-far-`));
  mkdirSync(path.join(dir, 'keys'));
  await docker(['rm', '--force', '--volumes', host]);
  await must(['build', '--quiet', '--tag', IMAGE, SOURCE]);
  if (!existsSync(path.join(SERVERS, 'node_modules/azurite'))) {
    mkdirSync(SERVERS, { recursive: true });
    copyFileSync(path.join(SOURCE, 'package.json'), path.join(SERVERS, 'package.json'));
    execFileSync('npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: SERVERS });
  }
  const types = ['rsa', 'ecdsa', 'ed25519'];
  for (const type of types) execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path.join(dir, 'keys', `ssh_host_${type}_key`)]);
  const key = path.join(dir, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  copyFileSync(`${key}.pub`, path.join(dir, 'keys/authorized_keys'));
  const run = (...argv: string[]) => must(['exec', host, ...argv]);
  const address = () => must(['inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', host]);
  return {
    host,
    key,
    hostKeys: types.map((type) =>
      readFileSync(path.join(dir, 'keys', `ssh_host_${type}_key.pub`), 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' '),
    ),
    start: async (network) => {
      const mounts = ['--volume', `${path.join(dir, 'keys')}:/keys:ro`, '--volume', `${SERVERS}:/servers:ro`];
      if ((await docker(['start', host])).status !== 0)
        await must(['run', '--detach', '--init', '--name', host, '--network', network, ...mounts, IMAGE]);
    },
    stop: async () => void (await must(['stop', '--time', '1', host])),
    letIn: async (known) => {
      writeFileSync(path.join(dir, 'keys/authorized_keys'), known ? readFileSync(`${key}.pub`) : '');
      await run('sh', '-c', 'cat /keys/authorized_keys >/home/medianest/.ssh/authorized_keys');
    },
    sasUrl: async () => {
      const where = `http://${await address()}:10000/${ACCOUNT}/${CONTAINER}`;
      const [date, version] = [new Date().toUTCString(), '2020-10-02'];
      const canonical = ['PUT', ...Array(11).fill(''), `x-ms-date:${date}\nx-ms-version:${version}`];
      const authorization = `SharedKey ${ACCOUNT}:${signed([...canonical, `/${ACCOUNT}/${ACCOUNT}/${CONTAINER}\nrestype:container`].join('\n'))}`;
      const headers = { 'x-ms-date': date, 'x-ms-version': version, authorization };
      for (let attempt = 0; ; attempt++) {
        try {
          const { status } = await fetch(`${where}?restype=container`, { method: 'PUT', headers });
          if (status !== 201 && status !== 409) throw new Error(`Azurite: ${status}`);
          break;
        } catch (error) {
          if (attempt > 20) throw error;
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
      }
      const parts = { sp: 'racwdl', st: '', se: '2099-01-01T00:00:00Z', sv: '2018-11-09', sr: 'c' };
      const blank = Array(6).fill('');
      const text = [parts.sp, parts.st, parts.se, `/blob/${ACCOUNT}/${CONTAINER}`, '', '', '', parts.sv, parts.sr, ...blank].join('\n');
      return `${where}?${new URLSearchParams({ sv: parts.sv, se: parts.se, sr: parts.sr, sp: parts.sp, sig: signed(text) })}`;
    },
    run,
    destroy: async () => {
      await docker(['rm', '--force', '--volumes', host]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
