import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { docker, HOME } from '../cli.ts';
import { temporaryFolder } from '../temporary.ts';
import { PREFIX } from '../workspace.ts';

const IMAGE = 'medianest-test/slapd:1';

const must = async (args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await docker(args);
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};

/** An LDAP (Debian's slapd) that containers reach, with the people of slapd/people.ldif. */
export interface Directory {
  address: string;
  /** Ports of `ldap:` with StartTLS and of `ldaps:`. */
  ports: { starttls: number; implicit: number };
  /** PEM. */
  ca: string;
  container: string;
  /** Changes what it holds, in LDIF. */
  change(ldif: string): Promise<void>;
  destroy(): Promise<void>;
}

export async function directory(name: string): Promise<Directory> {
  const container = `${PREFIX}-${name}-slapd`;
  const address = await must(['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}']);
  const tls = temporaryFolder(`${name}-slapd`);
  const made = internalCa({ load: () => undefined, save: () => {} }, 'test');
  const own = await made.issue({ name: 'ldap', subjects: [address], issuer: 'internal-ca', days: 1 }, new Date());
  writeFileSync(path.join(tls, 'cert.pem'), own.certificate + own.chain);
  writeFileSync(path.join(tls, 'key.pem'), own.privateKey);
  writeFileSync(path.join(tls, 'ca.pem'), own.root as string);
  chmodSync(tls, 0o755);
  await docker(['rm', '--force', '--volumes', container]);
  await must(['build', '--quiet', '--tag', IMAGE, path.join(HOME, 'test/support/sign-on/slapd')]);
  const publish = ['--publish', `${address}::389`, '--publish', `${address}::636`];
  await must(['run', '--detach', '--init', '--name', container, ...publish, '--volume', `${tls}:/tls:ro`, IMAGE]);
  const port = async (of: number) => Number((await must(['port', container, String(of)])).split(':').at(-1));
  return {
    ...{ address, container, ca: own.root as string },
    ports: { starttls: await port(389), implicit: await port(636) },
    change: async (ldif) => {
      const argv = ['ldapmodify', '-x', '-H', 'ldapi:///', '-D', 'cn=root,dc=example,dc=org', '-w', 'root'];
      const script = `cat <<'LDIF' | ${argv.join(' ')}\n${ldif}\nLDIF`;
      await must(['exec', container, 'sh', '-c', script]);
    },
    destroy: async () => {
      await docker(['rm', '--force', '--volumes', container]);
    },
  };
}
