import * as z from 'zod';
import { cpus, memory } from '../../../settings/fields.ts';

const within = (least: number, most: number) => {
  const message = `should be a number from ${least} to ${most}`;
  return z.int(message).min(least, message).max(most, message);
};

export const signOnSettings = z.strictObject({
  sessionHours: within(1, 2160).default(168).describe('Hours after which who is signed in has to sign in again'),
  graceMinutes: within(0, 120)
    .default(15)
    .describe('Minutes for which those who are signed in stay so while the identity provider or its database is away; 0 for none'),
  invitationHours: within(1, 720).default(72).describe('Hours for which an invitation is good'),
  passwordLength: within(8, 64).default(12).describe('Characters that a password has at least'),
  title: z
    .string()
    .regex(/^[\p{L}\p{N} ._-]{1,40}$/u, 'should be 1 to 40 letters, digits, spaces, dots, - and _')
    .default('MediaNest')
    .describe('What the page of the sign-in and authenticator apps call this server'),
  processes: within(2, 32).default(3).describe('Requests that it answers at the same time'),
  memory: memory('384m').describe('Memory limit of the container; a process takes about 70 MiB'),
  cpus: cpus(2).describe('Processors that the container may use at most; never more than the host has'),
});

export type SignOnSettings = z.output<typeof signOnSettings>;
