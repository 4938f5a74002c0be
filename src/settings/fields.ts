import * as z from 'zod';
import { parseCron } from '../core/cron.ts';
import { EVERY_ADDRESS } from '../core/ip-address.ts';
import { Secret } from '../core/secret.ts';

const UNITS: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes of `512m`; NaN if the text is no size, or one that no number represents exactly. */
function toBytes(text: string): number {
  const [, amount, unit = ''] = /^(\d+)\s*([bkmg])?b?$/i.exec(text.trim()) ?? [];
  const bytes = Number(amount) * (UNITS[unit.toLowerCase()] as number);
  return Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}

const inBytes =
  (least: string) =>
  (value: string | number, context: z.RefinementCtx): number => {
    const bytes = toBytes(String(value));
    if (bytes >= toBytes(least)) return bytes;
    const message = Number.isNaN(bytes) ? 'should be a size such as 512m or 2g' : `should be at least ${least}`;
    context.addIssue({ code: 'custom', message, input: value });
    return z.NEVER;
  };

/** A size as Compose writes it (`512m`, `1g`, bytes as a number); the parsed value is in bytes. */
export const size = (fallback: string, least = '1') => z.union([z.string(), z.number()]).default(fallback).transform(inBytes(least));

/** The same where another setting says it if this one does not. */
export const sizeIfGiven = (least: string) => z.union([z.string(), z.number()]).transform(inBytes(least)).optional();

/** A container's memory limit: the engine refuses one below 6 MiB. */
export const memory = (fallback: string) => size(fallback, '6m');

/** Processors, in parts of one: the engine takes hundredths. */
export const cpus = (fallback: number) => z.number('should be a number such as 1.5').min(0.05).max(1024).multipleOf(0.01).default(fallback);

/** A path of the application that others ask for. It becomes part of shell commands and configuration, so nothing but a path. */
export const urlPath = (fallback: string) =>
  z
    .string()
    .regex(/^\/[\w.~%/?=&-]*$/, 'should be a path such as /api/health')
    .default(fallback);

export const portNumber = z.int('should be a port number').min(1).max(65535);

export const port = (fallback: number) => portNumber.default(fallback);

const NO_ADDRESS =
  'should be an IP address such as 127.0.0.1 or 0.0.0.0, a list of them, or `every` for all of IPv4 and IPv6; write IPv6 in quotes: "::"';

/**
 * The addresses that a port is published on, as one address, a list, or `every`: IP literals, so that nothing is published wider than
 * was meant. `listenAddresses` turns the value into a list.
 */
export const listenAddress = (fallback: string) =>
  z
    .union(
      [
        z.literal('every'),
        z.ipv4(),
        z.ipv6(),
        z
          .array(z.union([z.ipv4(), z.ipv6()], NO_ADDRESS))
          .min(1, NO_ADDRESS)
          .refine((list) => new Set(list).size === list.length, 'names an address twice'),
      ],
      NO_ADDRESS,
    )
    .default(fallback);

/** `every` is each address of both families. */
export const listenAddresses = (value: string | readonly string[]): readonly string[] =>
  value === 'every' ? EVERY_ADDRESS : typeof value === 'string' ? [value] : value;

/** A host name (RFC 1123) or an IP address. */
export const hostName = z.union(
  [
    z.ipv4(),
    z.ipv6(),
    z
      .string()
      .max(253)
      .regex(/^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/),
  ],
  'should be a lower-case host name such as media.example.org, or an IP address',
);

/** A key whose value is a secret: `${NAME}` (environment), `file:path`, or the value itself. The loader resolves it. Secrets alone use `z.custom`. */
export const secret = () => z.custom<Secret>((value) => value instanceof Secret, 'should be a text').optional();

export const httpUrl = () => z.url({ protocol: /^https?$/, error: 'should be an address such as http://192.168.1.20:32400' }).optional();

/** Five fields of cron, or `off`. */
export const cronTimes = () =>
  z.string().superRefine((value, context) => {
    const problem = value === 'off' ? undefined : parseCron(value);
    if (typeof problem === 'string') context.addIssue({ code: 'custom', message: `${problem}; or \`off\``, input: value });
  });

/** `host`, or a zone of the IANA database. */
export const timeZone = (fallback: string) =>
  z
    .string()
    .refine((value) => value === 'host' || isTimeZone(value), 'should be `host`, or a time zone such as Europe/Berlin')
    .default(fallback);

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '' && /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}
