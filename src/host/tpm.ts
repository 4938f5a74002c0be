import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemCode, UserError } from '../core/errors.ts';
import { exists, writing } from '../core/files.ts';
import { startedProgram } from '../core/programs.ts';
import { isProof, pcrList, readTpmFault, type Sealed, TPM, type TpmFault, tellTpmFault } from './plan/tpm.ts';

// A TPM 2.0, told by the programs of tpm2-tools 5. A secret goes to them on standard input, and comes back on standard output: it is in
// no argument and in no file.

const PATIENCE_MS = 60_000;

/** More than all that they write. */
const RESERVE = 32 * 1024;

/** The storage root key, by the template of the TCG (TPM 2.0 Provisioning Guidance, 7.5.1): the same again whenever it is asked for. */
const PRIMARY = 'restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda';

/** Without a password there is nothing to guess, so a lockout has no part in it. */
const SEALED = 'fixedtpm|fixedparent|noda';

class Refused extends Error {
  readonly fault: TpmFault;
  constructor(fault: TpmFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Whether an error of `unseal` proves that the TPM does not open it; otherwise that cannot be told. */
export const isRefusal = ({ cause }: UserError): boolean => cause instanceof Refused && isProof(cause.fault);

type Tell = (program: string, args: readonly string[], input?: Buffer) => Buffer;

/** Runs the programs in a folder of their own for what they hand on to each other: wrapped keys, which the TPM alone opens. */
function withTpm<T>(what: 'seal' | 'unseal', work: (tell: Tell, folder: string) => T): T {
  const folder = writing(path.join(os.tmpdir(), 'medianest-tpm'), () => mkdtempSync(path.join(os.tmpdir(), 'medianest-tpm-')), null);
  const reserve = path.join(folder, 'reserve');
  const tcti = process.env.TPM2TOOLS_TCTI ?? TPM;
  const tell: Tell = (program, args, input) => {
    const told = run(program, args, { folder, tcti, input });
    // Without a resource manager, objects stay in the TPM's few slots.
    if (!/^(device:\/dev\/tpmrm|tabrmd)/.test(tcti)) run('tpm2_flushcontext', ['--transient-object'], { folder, tcti });
    return told;
  };
  try {
    // On a full disk, the programs write half a file and end well.
    writing(folder, () => writeFileSync(reserve, Buffer.alloc(RESERVE)), null);
    rmSync(reserve);
    return work(tell, folder);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { message, remedy } = tellTpmFault(error.fault, what, error.message);
    throw new UserError('HOST_UNFIT', `${message}; nothing was changed`, remedy, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Where {
  folder: string;
  tcti: string;
  input?: Buffer | undefined;
}

function run(program: string, args: readonly string[], { folder, tcti, input }: Where): Buffer {
  const ended = startedProgram(program, args);
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    timeout: PATIENCE_MS,
    // Their traces would print the secret.
    env: { ...process.env, TPM2TOOLS_TCTI: tcti, TSS2_LOG: 'all+error', LC_ALL: 'C' },
    input: input ?? Buffer.alloc(0),
  });
  ended(status);
  if (systemCode(error) === 'ENOENT') throw new Refused('no-program', '');
  if (systemCode(error) === 'ETIMEDOUT') throw new Refused('slow', '');
  if (status === 0) return stdout;
  const text = error ? error.message : stderr.toString('utf8').trim();
  throw new Refused(readTpmFault(text), text.split('\n').findLast((line) => /ERROR/.test(line) && !/Unable to run/.test(line)) ?? text);
}

const primary = (tell: Tell) => tell('tpm2_createprimary', ['-Q', '-C', 'o', '-g', 'sha256', '-G', 'ecc', '-a', PRIMARY, '-c', 'primary']);

/**
 * Seals up to 128 bytes to the TPM of this host. @param pcrs the registers whose values of now open it, as numbers of 0 to 23
 * @throws UserError HOST_UNFIT where there is no TPM, or it refuses
 */
export const seal = (secret: Buffer, pcrs: readonly number[]): Sealed =>
  withTpm('seal', (tell, folder) => {
    primary(tell);
    if (pcrs.length > 0) tell('tpm2_createpolicy', ['-Q', '--policy-pcr', '-l', pcrList(pcrs), '-L', 'policy']);
    const opens = pcrs.length > 0 ? ['-a', SEALED, '-L', 'policy'] : ['-a', `${SEALED}|userwithauth`];
    tell('tpm2_create', ['-Q', '-C', 'primary', '-g', 'sha256', ...opens, '-i', '-', '-u', 'public', '-r', 'private'], secret);
    const read = (name: string) => readFileSync(path.join(folder, name)).toString('base64');
    return { public: read('public'), private: read('private'), pcrs: [...pcrs] };
  });

/** @returns what was sealed @throws UserError HOST_UNFIT where there is no TPM, it is another one, or it refuses */
export const unseal = (sealed: Sealed): Buffer =>
  withTpm('unseal', (tell, folder) => {
    const write = (name: string, text: string) =>
      writing(path.join(folder, name), () => writeFileSync(path.join(folder, name), Buffer.from(text, 'base64')), null);
    write('public', sealed.public);
    write('private', sealed.private);
    primary(tell);
    tell('tpm2_load', ['-Q', '-C', 'primary', '-u', 'public', '-r', 'private', '-c', 'sealed']);
    return tell('tpm2_unseal', ['-c', 'sealed', ...(sealed.pcrs.length > 0 ? ['-p', `pcr:${pcrList(sealed.pcrs)}`] : [])]);
  });

/** What is missing before a TPM can be asked at all, for any user to see; undefined where nothing is. */
export function lackingTpm(): TpmFault | undefined {
  const { error, status } = spawnSync('tpm2_unseal', ['--version'], { stdio: 'ignore', timeout: PATIENCE_MS });
  if (error || status !== 0) return systemCode(error) === 'ENOENT' ? 'no-program' : 'silent';
  return process.env.TPM2TOOLS_TCTI === undefined && !exists(TPM.slice(TPM.indexOf(':') + 1)) ? 'missing' : undefined;
}
