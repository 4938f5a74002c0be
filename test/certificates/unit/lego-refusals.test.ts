import { expect, it } from 'vitest';
import { UNKNOWN_ACCOUNT, UNKNOWN_PREDECESSOR } from '../../../src/certificates/acme/lego-refusals.ts';

const POST = 'Post "https://10.121.0.128:14000/order-plz": POST https://10.121.0.128:14000/order-plz giving up after 2 attempt(s)';

it('a predecessor that the CA does not accept is known by each of the ways in which lego prints it', () => {
  const lines = [
    'acme: error: 409 :: urn:ietf:params:acme:error:alreadyReplaced :: cannot indicate an order replaces an already replaced order',
    'acme: error: 400 :: urn:ietf:params:acme:error:malformed :: parsing ARI CertID failed',
    `${POST}: acme: error: 400 :: urn:ietf:params:acme:error:badNonce :: JWS has an invalid anti-replay nonce: cpybP4MTE7i-C82ftucc7Q`,
  ];
  for (const line of lines) expect(line).toMatch(UNKNOWN_PREDECESSOR);
});

it('what would be refused again is neither an unknown predecessor nor an unknown account', () => {
  const lines = [
    `${POST}: acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many certificates already issued`,
    'acme: error: 403 :: urn:ietf:params:acme:error:unauthorized :: 10.0.0.1: Invalid response from http://media.example/',
    'acme: error: 400 :: urn:ietf:params:acme:error:rejectedIdentifier :: VARIANT.ARIES.example is not allowed',
  ];
  for (const line of lines) expect(line).not.toMatch(UNKNOWN_PREDECESSOR);
  for (const line of lines) expect(line).not.toMatch(UNKNOWN_ACCOUNT);
  expect('urn:ietf:params:acme:error:accountDoesNotExist').toMatch(UNKNOWN_ACCOUNT);
});
