import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOME, run } from '../../support/cli.ts';

const PORTAL = path.join(HOME, 'templates/app/image');
const { dependencies } = JSON.parse(readFileSync(path.join(PORTAL, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
const NAMES = Object.keys(dependencies);

/** In the image they are all that there is: no package of this checkout may help. */
describe('the bundles of the portal', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-vendor-'));
  const ask = async (code: string) => {
    const { status, stdout, stderr } = await run(process.execPath, ['-e', code], { cwd: dir });
    expect([status, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as unknown;
  };
  beforeAll(() => cpSync(path.join(PORTAL, 'vendor'), path.join(dir, 'node_modules'), { recursive: true }));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each(NAMES)('%s has the exports of the package', async (name) => {
    const own: unknown = createRequire(path.join(PORTAL, 'package.json'))(name);
    const keys = await ask(`process.stdout.write(JSON.stringify(Object.getOwnPropertyNames(require('${name}'))))`);
    const without = ['__esModule', 'length', 'name', 'prototype', 'arguments', 'caller'];
    const named = (list: string[]) => list.filter((key) => !without.includes(key)).sort();
    expect(named(keys as string[])).toEqual(named(Object.getOwnPropertyNames(own)));
  });
  it('share one logger, and one API of OpenTelemetry', async () => {
    const code = `const pino = require('pino');
      const app = require('fastify')({ loggerInstance: pino({ enabled: false }) });
      const { trace } = require('@opentelemetry/api');
      const { BasicTracerProvider } = require('@opentelemetry/sdk-trace-base');
      trace.setGlobalTracerProvider(new BasicTracerProvider());
      process.stdout.write(JSON.stringify([
        pino.symbols.serializersSym in app.log,
        trace.getTracer('a').startSpan('b').isRecording(),
        Object.keys(require.cache).filter((file) => /pino|api.index/.test(file)).length,
      ]));`;
    expect(await ask(code)).toEqual([true, true, 2]);
  });
  it('say what they do not hold', async () => {
    const code = `const app = require('fastify')();
      app.register(require('@fastify/static'), { root: process.cwd(), wildcard: false });
      app.ready((error) => {
        const said = [error.message];
        try {
          require('fastify')().inject('/');
        } catch (error) {
          said.push(error.message);
        }
        process.stdout.write(JSON.stringify(said));
      });`;
    expect(await ask(code)).toEqual([expect.stringContaining('lists no files'), 'inject() is not in this bundle']);
  });
});

describe('the bundle of the program', () => {
  it('finds each bundle beside it that it loads', () => {
    const main = path.join(HOME, 'dist/main.cjs');
    const files = [...readFileSync(main, 'utf8').matchAll(/\brequire\("(\.[^"]+)"\)/g)].map(([, file]) => file as string);
    expect(files).toContain('../templates/agent/image/vendor/nodemailer.cjs');
    for (const file of files) expect(createRequire(main)(file), file).toMatchObject({ createTransport: expect.any(Function) });
  });
  it('loads nothing by import(), which the script that Node.js runs does not have', () => {
    expect(readFileSync(path.join(HOME, 'dist/main.cjs'), 'utf8')).not.toMatch(/\bimport\(["'`]/);
  });
});
