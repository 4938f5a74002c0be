import { type Command, done, type Options } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { listOf, textOf } from '../../core/flags.ts';

export const certsImport: Command = {
  name: 'certs import',
  summary: 'Take over a certificate of a commercial CA: PEM in any order, DER or PKCS#12, checked before anything changes',
  example: 'medianest certs import certificate.crt chain.pem private.key',
  args: '<files...>',
  options: [
    ['--name <certificate>', 'Which one, where several are imported'],
    ['--password-file <file>', 'Password of the key or of the PKCS#12 file'],
    ['--ca <file>', 'Root of a CA of your own, that no system knows'],
  ],
  measured: true,
  run: async (context, files, options) => {
    const { open } = await import('../../project/open.ts');
    const { importCertificate } = await import('../import/import-certificate.ts');
    const outcome = await importCertificate(context, await open(context), files, {
      name: textOf(options.name),
      passwordFile: textOf(options.passwordFile),
      ca: textOf(options.ca),
    });
    return done(
      outcome,
      `${outcome.name}: ${outcome.result}, good until ${outcome.notAfter.slice(0, 10)}, ${outcome.chain.length} certificates above it`,
    );
  },
};

const FIELDS = { organization: 'O', unit: 'OU', country: 'C', province: 'ST', locality: 'L' } as const;

/** @throws UserError USAGE */
function subjectOf(options: Options): Record<string, string> {
  const { country } = options;
  if (country !== undefined && !/^[A-Z]{2}$/.test(String(country)))
    throw new UserError('USAGE', `--country ${country}: should be two letters`, 'for example --country DE');
  return Object.fromEntries(
    Object.entries(FIELDS).flatMap(([option, field]) => (options[option] === undefined ? [] : [[field, String(options[option])]])),
  );
}

export const certsCsr: Command = {
  name: 'certs csr',
  summary: 'A request for a commercial CA; its key is made here and stays here',
  example: 'medianest certs csr --organization Example --country DE',
  options: [
    ['--name <certificate>', 'Which one, where several are imported'],
    ['--names <names>', 'Names in it, separated by commas (default: those of the settings)'],
    ['--organization <text>', 'Organisation, as registered (OV and EV)'],
    ['--unit <text>', 'Department'],
    ['--country <code>', 'Country, two letters'],
    ['--province <text>', 'State or province'],
    ['--locality <text>', 'City'],
    ['--key-type <type>', 'ec256 (the default), rsa2048, rsa3072 or rsa4096'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { KEY_TYPES, requestCertificate } = await import('../import/request-certificate.ts');
    const keyType = KEY_TYPES.find((type) => type === (options.keyType ?? 'ec256'));
    if (keyType === undefined)
      throw new UserError(
        'USAGE',
        `--key-type ${options.keyType}: should be ec256, rsa2048, rsa3072 or rsa4096`,
        'for example --key-type rsa3072',
      );
    const asked = { name: textOf(options.name), names: listOf(options.names), subject: subjectOf(options), keyType };
    const outcome = await requestCertificate(context, await open(context), asked);
    return done(outcome, outcome.request?.trimEnd() ?? `would ask for ${outcome.names.join(', ')}`);
  },
};

export const certsCa: Command = {
  name: 'certs ca',
  summary: 'The internal CA: show, export, import, trust, untrust, rotate',
  example: 'medianest certs ca export root-key.pem --remove',
  args: '[action] [file]',
  options: [
    ['--passphrase-file <file>', 'Passphrase of an exported root (asked for where it is not given)'],
    ['--remove', 'export: take the root’s key off this host, once the file was read back'],
    ['--root', 'rotate: a new root too, trusted beside the old one'],
    ['--finish', 'rotate: no longer trust the old root'],
  ],
  run: async (context, [action = 'show', file], options) => {
    const { open } = await import('../../project/open.ts');
    const { caActions } = await import('../authority/ca-actions.ts');
    const act = Object.hasOwn(caActions, action) ? caActions[action as keyof typeof caActions] : undefined;
    if (!act)
      throw new UserError(
        'USAGE',
        `certs ca ${action}: should be one of ${Object.keys(caActions).join(', ')}`,
        'for example medianest certs ca show',
      );
    const { data, text, status }: { data: unknown; text: string; status?: number } = await act(context, await open(context), file, {
      passphraseFile: textOf(options.passphraseFile),
      remove: options.remove === true,
      root: options.root === true,
      finish: options.finish === true,
    });
    return done(data, text, status);
  },
};
