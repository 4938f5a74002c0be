// What the programs of tpm2-tools print where a TPM 2.0 refuses (TCG, TPM 2.0 Library, part 2, 6.6: response codes).

/** A secret that one TPM alone opens, as its owner hierarchy has wrapped it. Neither part is secret. */
export interface Sealed {
  /** TPM2B_PUBLIC and TPM2B_PRIVATE, in base64. */
  public: string;
  private: string;
  /** The registers (SHA-256 bank) whose values it is bound to; none: any start of this host opens it. */
  pcrs: number[];
}

/** The kernel's own resource manager. Nothing else is tried: by themselves, the programs would go on to ports of this host. */
export const TPM = 'device:/dev/tpmrm0';

export type TpmFault =
  | 'no-program'
  /** It is proven that there is none. */
  | 'missing'
  /** It is there, or may be, and cannot be spoken to. */
  | 'silent'
  | 'denied'
  | 'other'
  | 'refuses'
  | 'lockout'
  | 'owned'
  | 'failed'
  | 'slow'
  /** It says something else. */
  | 'unknown';

const FAULTS: readonly (readonly [RegExp, TpmFault])[] = [
  [/Permission denied|Operation not permitted/, 'denied'],
  [/device file \S+: No such (?:file|device)/, 'missing'],
  [/Could not load tcti|Failed to (?:open|instantiate|initialize)|Unable to initialize/i, 'silent'],
  [/\(0x0*1df\)|integrity check failed/i, 'other'],
  [/\(0x0*(?:99d|128)\)|policy check failed|PCR (?:have|has) changed/i, 'refuses'],
  [/\(0x0*921\)|DA lockout/i, 'lockout'],
  [/\(0x0*(?:9a2|98e)\)|authorization failure|authorization HMAC/i, 'owned'],
  [/\(0x0*101\)|TPM failure/i, 'failed'],
];

/** @param text the error stream of one of the programs */
export const readTpmFault = (text: string): TpmFault => FAULTS.find(([pattern]) => pattern.test(text))?.[1] ?? 'unknown';

/** What proves that the TPM does not open the data as things are. Of any other fault that cannot be told. */
const PROOF: readonly TpmFault[] = ['missing', 'other', 'refuses', 'owned'];

export const isProof = (fault: TpmFault): boolean => PROOF.includes(fault);

/** Who has lost the TPM opens the data by the recovery kit, and seals it to the one that is there. */
const BY_KIT = 'sudo medianest storage unlock --kit FILE, and then: sudo medianest storage keys rotate --kit FILE';

/** Nothing is sealed to it yet, or it is opened otherwise already: so a kit is of no use. */
const BY_SETTING = 'set `storage: { unlock: passphrase }`, or `file`';

/**
 * What is the matter, and what to do about it.
 * @param work what it refuses @param text what the program said last, where nothing better is known
 */
export function tellTpmFault(fault: TpmFault, work: 'seal' | 'unseal', text: string): { message: string; remedy: string } {
  const otherwise = work === 'seal' ? BY_SETTING : BY_KIT;
  switch (fault) {
    case 'no-program':
      return {
        message: 'tpm2-tools is not installed, and its programs speak to the TPM',
        remedy: 'sudo apt install tpm2-tools (or your distribution’s package of that name)',
      };
    case 'missing':
      return {
        message: 'there is no TPM 2.0 (/dev/tpmrm0)',
        remedy: `switch it on in the firmware’s setup (fTPM, PTT, security device), or see dmesg; ${work === 'seal' ? 'where the host has none' : 'where the board is another'}: ${otherwise}`,
      };
    case 'silent':
      return {
        message: 'the TPM cannot be spoken to: it does not answer, another program has it, or a library of tpm2-tools is missing',
        remedy: `run the same command again; dmesg says more, and \`tpm2_getcap properties-fixed\` whether it answers; or ${otherwise}`,
      };
    case 'denied':
      return { message: 'this user may not use the TPM', remedy: 'run the same command with sudo' };
    case 'other':
      return { message: 'the TPM is another one, or was cleared: what was sealed to it is lost', remedy: otherwise };
    case 'refuses':
      return {
        message: 'the TPM refuses: firmware, its settings or what has started are not what they were (`storage.tpmPcrs`)',
        remedy: `if you did not change them, find out who did; if you did: ${otherwise}`,
      };
    case 'lockout':
      return {
        message: 'the TPM is in lockout, after too many wrong passwords of another program',
        remedy: 'wait (tpm2_getcap properties-variable names the time), or: sudo tpm2_dictionarylockout --clear-lockout',
      };
    case 'owned':
      return {
        message: 'the TPM’s owner hierarchy has a password, which medianest does not know',
        remedy: 'take it away: sudo tpm2_changeauth -c owner -p file:PASSWORD_FILE; or set `storage: { unlock: passphrase }`',
      };
    case 'failed':
      return {
        message: 'the TPM is in its failure mode',
        remedy: `switch the host off and on again; if it stays so: ${otherwise}`,
      };
    case 'slow':
      return { message: 'the TPM does not answer', remedy: 'run the same command again; dmesg says more' };
    case 'unknown':
      return {
        message: `the TPM does not ${work === 'seal' ? 'seal the key' : 'open the data'}: ${text || 'no answer'}`,
        remedy: `dmesg says more; or ${otherwise}`,
      };
  }
}

/** `sha256:7,11`, as the programs take a list of registers. */
export const pcrList = (pcrs: readonly number[]): string => `sha256:${pcrs.join(',')}`;

/** A file may have been written by others: what is handed to the TPM is bounded. */
export function isSealed(value: unknown): value is Sealed {
  const { public: open, private: closed, pcrs } = (value ?? {}) as Partial<Sealed>;
  const isBlob = (text: unknown) => typeof text === 'string' && /^[A-Za-z0-9+/]{16,1400}={0,2}$/.test(text);
  return isBlob(open) && isBlob(closed) && Array.isArray(pcrs) && pcrs.every((pcr) => Number.isInteger(pcr) && pcr >= 0 && pcr <= 23);
}

/** Each once, in order. */
export const sortedPcrs = (pcrs: readonly number[]): number[] => [...new Set(pcrs)].sort((a, b) => a - b);
