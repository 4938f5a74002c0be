import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { numberOf, textOf } from '../../core/flags.ts';

export const certsStatus: Command = {
  name: 'certs status',
  summary: 'Every certificate: who issued it, until when it is good, and whether it is what listeners serve',
  example: 'medianest certs status',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { certificateStatus } = await import('../status.ts');
    const { table } = await import('../../ui/table.ts');
    const { certificates, clients } = await certificateStatus(context, await open(context));
    const rows = certificates.map((row) => [
      row.name,
      row.status,
      row.daysLeft === null ? '-' : String(row.daysLeft),
      row.servedSerial === null ? '-' : row.servedSerial === row.serial ? 'yes' : 'another one',
      row.ocsp ?? '-',
      row.issuer,
      row.subjects.join(' '),
    ]);
    const why = certificates.flatMap((row) => [
      ...(row.cause ? [`${row.name} ${row.cause}`] : []),
      ...(row.lastError ? [`${row.name}: the last attempt failed, the next is at ${row.nextTry}: ${row.lastError}`] : []),
    ]);
    const people = clients.map(({ name, serial, notAfter, revoked }) => [name, serial, revoked ? 'revoked' : notAfter.slice(0, 10)]);
    const text = [
      rows.length > 0
        ? table([['CERTIFICATE', 'STATUS', 'DAYS LEFT', 'SERVED', 'OCSP', 'ISSUER', 'NAMES'], ...rows])
        : 'there is no certificate: nothing here serves HTTPS',
      ...why,
      ...(people.length > 0 ? ['', table([['CLIENT', 'SERIAL', 'UNTIL'], ...people])] : []),
    ];
    return done({ certificates, clients }, text.join('\n'));
  },
};

const renewText = (certificates: readonly { name: string; action: string; cause: string; notAfter: string | null; nextTry?: string }[]) =>
  certificates
    .map(({ name, action, cause, notAfter, nextTry }) => {
      const until = action === 'renewed' ? `, good until ${notAfter?.slice(0, 10)}` : '';
      return `${name}: ${action} (${cause})${until}${nextTry ? `; next attempt at ${nextTry}` : ''}`;
    })
    .join('\n');

export const certsRenew: Command = {
  name: 'certs renew',
  summary: 'Renew what is due and say what is not; safe to run every hour',
  example: 'medianest certs renew',
  args: '[names...]',
  options: [['--force', 'Also what is not due, and before the end of a wait']],
  measured: true,
  run: async (context, names, options) => {
    const { open } = await import('../../project/open.ts');
    const { renew } = await import('../renew.ts');
    const outcome = await renew(context, await open(context), { names, force: options.force === true, command: 'certs renew' });
    const { describeRenewalStep } = await import('../plan/renewal-plan.ts');
    const failed = outcome.certificates.some(({ action }) => action === 'failed');
    const steps = (outcome.steps ?? []).map((step) => `- ${describeRenewalStep(step)}`);
    return done(outcome, [renewText(outcome.certificates), ...steps].join('\n'), failed ? EXIT.failed : EXIT.done);
  },
};

export const certsIssue: Command = {
  name: 'certs issue',
  summary: 'Issue a certificate now: one of the portal’s, or with --client one for a person or a device (PKCS#12)',
  example: 'medianest certs issue --client anna --out anna.p12',
  args: '[names...]',
  options: [
    ['--client <name>', 'A certificate of the internal CA for the person with this name'],
    ['--out <file>', 'Where the PKCS#12 file is written (default: NAME.p12)'],
    ['--days <number>', 'How long a client’s certificate is good (default: 365)'],
    ['--password-file <file>', 'Password of the PKCS#12 file; one is made and printed where it is not given'],
  ],
  measured: true,
  run: async (context, names, options) => {
    const { open } = await import('../../project/open.ts');
    if (options.client === undefined) {
      if (names.length === 0)
        throw new UserError(
          'USAGE',
          'certs issue: names no certificate',
          'medianest certs issue edge-public, or --client NAME; certs status lists them',
        );
      const { renew } = await import('../renew.ts');
      const outcome = await renew(context, await open(context), { names, force: true, command: 'certs issue' });
      const failed = outcome.certificates.some(({ action }) => action === 'failed' || action === 'waits');
      return done(outcome, renewText(outcome.certificates), failed ? EXIT.failed : EXIT.done);
    }
    const { handOut } = await import('../authority/client-certificate.ts');
    const issued = await handOut(context, await open(context), String(options.client), {
      out: textOf(options.out),
      days: numberOf('--days', options.days, { most: 3650, should: 'a number from 1 to 3650', example: 365 }) ?? 365,
      passwordFile: textOf(options.passwordFile),
    });
    const secret = issued.password === undefined ? '' : `\nPassword: ${issued.password}`;
    return done(issued, `${issued.file} holds the certificate of ${issued.name}, good until ${issued.notAfter.slice(0, 10)}${secret}`);
  },
};

export const certsRevoke: Command = {
  name: 'certs revoke',
  summary: 'No longer believe a certificate of the internal CA: a client’s by name or serial, or one of the stack’s, which is replaced',
  example: 'medianest certs revoke anna --reason keyCompromise',
  args: '<name>',
  options: [['--reason <reason>', 'keyCompromise, affiliationChanged, superseded, cessationOfOperation or unspecified (the default)']],
  measured: true,
  run: async (context, [name = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { REASONS } = await import('../ca/x509.ts');
    const { revokeCertificate } = await import('../authority/revoke.ts');
    const said = String(options.reason ?? 'unspecified');
    const reason = REASONS.find((known) => known === said);
    if (!reason)
      throw new UserError('USAGE', `--reason ${said}: should be one of ${REASONS.join(', ')}`, 'for example --reason keyCompromise');
    const outcome = await revokeCertificate(context, await open(context), name, reason);
    const told = `revoked ${outcome.revoked.map(({ name: who, serial }) => `${who} (${serial})`).join(', ')}`;
    const replaced = outcome.certificates ?? [];
    const failed = outcome.unread || replaced.some(({ action }) => action === 'failed');
    return done(outcome, [told, renewText(replaced)].filter(Boolean).join('\n'), failed ? EXIT.failed : EXIT.done);
  },
};
