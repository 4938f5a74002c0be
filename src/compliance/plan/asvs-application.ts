import { asked, byHand, notApplicable, type Row, row } from './point.ts';

const CODE = 'of the application’s code: its makers tell, or a review of it';

const code = (section: string, title: string): Row => asked(section, title, CODE);

/** Of who signs people in: the application, where the stack has no part that does. */
const signIn = (section: string, title: string): Row =>
  row(section, title, ['signOn'], ({ signOn }) =>
    byHand(
      signOn.length > 0
        ? `${signOn.join(', ')} signs people in: look at its settings`
        : 'of the application, which signs people in by itself, if it does',
    ),
  );

/** Of an authorization server (OAuth 2). */
const server = (section: string, title: string): Row =>
  row(section, title, ['signOn'], ({ signOn }) =>
    signOn.length > 0
      ? byHand(`${signOn.join(', ')} is an authorization server: look at its settings`)
      : notApplicable('this stack runs no authorization server'),
  );

/** What only the code of the application decides: the stack before it cannot show it. */
export const ASVS_CODE: readonly Row[] = [
  code('V1.2.1', 'Output is encoded for where it is put'),
  code('V1.2.2', 'URLs are built from encoded parts, with safe schemes alone'),
  code('V1.2.3', 'JavaScript and JSON are built from encoded parts'),
  code('V1.2.4', 'Queries of the database have parameters'),
  code('V1.2.5', 'Commands of the system have arguments, not text'),
  code('V1.3.1', 'HTML that people write is cleaned'),
  code('V1.3.2', 'No input is run as code'),
  code('V1.5.1', 'XML is read without external entities'),
  code('V2.1.1', 'The rules for input are written down'),
  code('V2.2.1', 'Input is checked by what is allowed'),
  code('V2.2.2', 'Input is checked on the server'),
  code('V2.3.1', 'Steps of a process cannot be skipped'),
  code('V3.2.2', 'Text is shown as text'),
  code('V3.5.1', 'Changes asked for by other sites are refused'),
  code('V3.5.2', 'What relies on a preflight cannot be called without one'),
  code('V3.5.3', 'Changes are made by POST, PUT, PATCH or DELETE'),
  code('V5.2.2', 'An upload is what its name says'),
  code('V5.3.1', 'Uploads are never run on the server'),
  code('V5.3.2', 'Paths of files are not made of what people send'),
  code('V8.1.1', 'The rules of who may do what are written down'),
  code('V8.2.1', 'Functions are open to those alone who may use them'),
  code('V8.2.2', 'Data is open to those alone who may see it'),
  code('V8.3.1', 'Rights are checked on the server'),
  code('V14.2.1', 'Nothing secret is in a URL'),
  code('V14.3.1', 'Data is cleared from the browser at sign-out'),
  code('V15.3.1', 'Answers contain only the fields that are needed'),
];

export const ASVS_SIGN_IN: readonly Row[] = [
  signIn('V6.2.1', 'Passwords have at least 8 characters'),
  signIn('V6.2.2', 'People can change their password'),
  signIn('V6.2.3', 'A change asks for the old password'),
  signIn('V6.2.4', 'Frequent passwords are refused'),
  signIn('V6.2.5', 'No rule says which characters a password has'),
  signIn('V6.2.6', 'A password is not shown while it is typed'),
  signIn('V6.2.7', 'Passwords can be pasted'),
  signIn('V6.2.8', 'A password is compared as it was typed'),
  signIn('V6.3.2', 'There are no default accounts'),
  signIn('V6.4.1', 'First passwords are random and end soon'),
  signIn('V6.4.2', 'There are no secret questions'),
  signIn('V7.2.1', 'Sessions are checked on the server'),
  signIn('V7.2.2', 'Sessions have tokens of their own'),
  signIn('V7.2.3', 'Tokens of sessions are random: 128 bits'),
  signIn('V7.2.4', 'Signing in begins another session'),
  signIn('V7.4.1', 'After sign-out a session is of no use'),
  signIn('V7.4.2', 'A removed account has no sessions'),
  signIn('V9.1.1', 'Signed tokens are checked'),
  signIn('V9.1.2', 'Only listed algorithms are accepted'),
  signIn('V9.1.3', 'Keys of tokens come from known places'),
  signIn('V9.2.1', 'Tokens end when they say so'),
  server('V10.4.1', 'Redirects go to registered addresses alone'),
  server('V10.4.2', 'A code is used once'),
  server('V10.4.3', 'A code lives for ten minutes at most'),
  server('V10.4.4', 'A client uses only the grants that it needs'),
  server('V10.4.5', 'Refresh tokens cannot be replayed'),
];
