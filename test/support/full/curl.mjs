#!/usr/bin/env node
// As much of curl and wget as health checks and scripts of the four images use.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const args = process.argv.slice(2);
const wget = path.basename(process.argv[1]) === 'wget';
const headers = {};
let [url, form, fails, output, written, seconds] = ['', undefined, wget, '', '', 30];
const take = {
  '-s': () => {},
  '-q': () => {},
  '-f': () => (fails = true),
  '-m': () => (seconds = Number(args.shift())),
  '-T': () => (seconds = Number(args.shift())),
  '-o': () => (output = args.shift()),
  '-O': () => (output = args.shift()),
  '-w': () => (written = args.shift()),
  '-H': () => {
    const [name, ...value] = args.shift().split(': ');
    headers[name] = value.join(': ');
  },
  '-K': () => {
    const [, user] = /^user = "(.*)"$/m.exec(readFileSync(args.shift(), 'utf8'));
    headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`;
  },
  '-F': () => {
    const [, name, file, type] = /^(\w+)=@([^;]+);type=(.+)$/.exec(args.shift());
    form = new FormData();
    form.set(name, new File([readFileSync(file)], path.basename(file), { type }));
  },
};
while (args.length > 0) {
  const arg = args.shift();
  if (take[arg]) take[arg]();
  else if (/^http:/.test(arg)) url = arg;
  else throw new Error(`curl: ${arg} is not known here`);
}
try {
  const answer = await fetch(url, {
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(seconds * 1000),
    ...(form && { method: 'POST', body: form }),
  });
  const text = await answer.text();
  if (output !== '/dev/null') process.stdout.write(text);
  if (written) process.stdout.write(String(answer.status));
  // wget takes nothing but a success, and curl -f no error.
  process.exitCode = fails && answer.status >= (wget ? 300 : 400) ? 22 : 0;
} catch {
  process.exitCode = 7;
}
