import { describe, expect, it } from 'vitest';
import { masked, maskedValue } from '../../../src/core/mask.ts';

const SECRET = 'hunter2-Zq9';

describe('secrets in lines', () => {
  it.each([
    `connect postgres://portal:${SECRET}@postgres:5432/portal failed`,
    `GET https://${SECRET}@h.example/x`,
    `postgres://portal:p@${SECRET}@postgres:5432/portal`,
    `redis://:a/b${SECRET}@redis:6379`,
    `amqp://u:1?${SECRET}#@h, amqp://u:x@h`,
    `Authorization: Bearer ${SECRET}`,
    `> authorization: Basic ${SECRET}==`,
    `{\\"Authorization\\":\\"Bearer ${SECRET}\\"}`,
    `called with bearer ${SECRET}`,
    `Cookie: a=1; session=${SECRET}; b=2`,
    `password=${SECRET} user=x`,
    `DB_PASSWORD: ${SECRET}`,
    `ALTER USER portal PASSWORD '${SECRET}'`,
    `/library?X-Plex-Token=${SECRET}&b=1`,
    `?api_key=${SECRET}`,
    `"clientSecret": "${SECRET}"`,
    `aws_secret_access_key = ${SECRET}`,
    `--token=${SECRET}`,
    `-----BEGIN EC PRIVATE KEY-----\\n${SECRET}\\n-----END EC PRIVATE KEY-----`,
  ])('are hidden: %s', (text) => {
    expect(masked(text)).not.toContain(SECRET);
    expect(masked(text)).toContain('[redacted]');
  });

  it.each([
    '"authorization":["Basic PROOF"]',
    "rawHeaders: [ 'Authorization', 'Basic PROOF' ]",
    'Authorization Basic PROOF',
    'Authorization=[Basic PROOF]',
    'authorization%3A%20Basic%20PROOF',
    'curl -H "Proxy-Authorization: basic PROOF"',
  ])('are hidden as user and password in base64: %s', (text) => {
    for (const proof of [`maria:${SECRET}`, `mária:${SECRET}?`, `a:${SECRET}~~`].map((plain) => Buffer.from(plain).toString('base64'))) {
      expect(masked(text.replace('PROOF', proof))).not.toContain(proof.slice(0, 12));
      expect(masked(text.replace('PROOF', proof))).toContain('[redacted]');
    }
    expect(JSON.stringify(maskedValue({ list: ['authorization', `Basic ${Buffer.from(`a:${SECRET}`).toString('base64')}`] }))).toBe(
      '{"list":["authorization","Basic [redacted]"]}',
    );
  });

  it.each([
    'basic authentication failed for user',
    'Basic information about the installation',
    'password authentication failed for user "portal"',
    'GET /api/health 200',
    'the token of the session has expired',
    'https://media.example.org/a@b',
    'https://media.example.org:8443/a@b',
    'checkpoint complete: wrote 3 buffers',
    'mail to maria@example.org',
  ])('what is none stays: %s', (text) => {
    expect(masked(text)).toBe(text);
  });

  it('are hidden in fields by their names, and in texts at any depth', () => {
    expect(
      maskedValue({
        user: 'x',
        password: SECRET,
        apiKey: 7,
        headers: { Authorization: SECRET, accept: '*' },
        urls: [`http://a:${SECRET}@b/`],
      }),
    ).toEqual({
      user: 'x',
      password: '[redacted]',
      apiKey: '[redacted]',
      headers: { Authorization: '[redacted]', accept: '*' },
      urls: ['http://[redacted]@b/'],
    });
  });

  it.each([
    ['a', 'a'.repeat(1024 ** 2)],
    ['password', 'password'.repeat(130_000)],
    ['http://', 'http://'.repeat(150_000)],
    ['addresses', `${'a://b:c'.repeat(150_000)}@`],
    ['a_', `${'a_'.repeat(500_000)}token`],
    ['authorization', `authorization: ${'a;'.repeat(500_000)}`],
    ['quotes', `secret ${'"'.repeat(1024 ** 2)}`],
    ['PEM', '-----BEGIN PRIVATE KEY-----'.repeat(40_000)],
  ])('take no long time, whatever the line: 1 MiB of %s', (_name, text) => {
    const before = process.cpuUsage().user;
    masked(text);
    expect((process.cpuUsage().user - before) / 1000).toBeLessThan(1_500);
  });
});
