import { type Asked, form, get, json } from './request.ts';

const JWT =
  'eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3ViIjoiYW5hIn0.c2lnbmF0dXJlX3dpdGgtYm90aF9raW5kcw';
const STATES = [
  'xyz-123',
  'af0ifjsldkj',
  'eyJyZXR1cm4iOiIvYWRtaW4iLCJub25jZSI6IjhmM2UifQ==',
  'a|b|c',
  '{"next":"/requests"}',
  'kc:8f3e/1+2==',
];

export const oauth: readonly Asked[] = [
  ...STATES.flatMap((state) => [
    get('/api/auth/callback', {
      code: '4/0AX4XfWh-abc_DEF.123',
      state,
      scope: 'openid email profile https://www.googleapis.com/auth/userinfo.email',
    }),
    get('/oauth/authorize', {
      response_type: 'code',
      client_id: 'medianest',
      redirect_uri: 'https://media.example.org/api/auth/callback?provider=plex',
      scope: 'openid profile offline_access',
      state,
      nonce: 'n-0S6_WzA2Mj',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    }),
  ]),
  get('/api/auth/callback', { error: 'access_denied', error_description: "The user's request was denied; try again", state: 'x' }),
  get('/logout', { post_logout_redirect_uri: 'https://media.example.org/', id_token_hint: JWT }),
  get('/api/auth/callback', { iss: 'https://accounts.google.com', code: 'abc', authuser: '0', hd: 'example.org', prompt: 'consent' }),
  get('/api/auth/callback', { code: 'abc', state: 'x', session_state: '8f3e2d1c-0000-4000-8000-1234567890ab' }),
  form('/oauth/token', {
    grant_type: 'authorization_code',
    code: '4/0AX4XfWh',
    redirect_uri: 'https://media.example.org/api/auth/callback',
    client_id: 'medianest',
    code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  }),
  form('/oauth/token', { grant_type: 'refresh_token', refresh_token: JWT }),
  form('/oauth/token', { grant_type: 'client_credentials', scope: 'read:films write:films' }),
  form('/saml/acs', {
    SAMLResponse: Buffer.from(
      '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"><saml:Issuer>https://id.example.org</saml:Issuer></samlp:Response>',
    ).toString('base64'),
    RelayState: 'https://media.example.org/requests?page=2',
  }),
  json('/api/v1/auth/plex', { authToken: 'abcDEF-123_456' }),
  json('/api/v1/auth/oidc', { idToken: JWT }),
  get('/api/v2/pins/1234567', { code: 'abcd', 'X-Plex-Client-Identifier': '8f3e2d1c-0000' }),
  get('/auth', {}, { authorization: `Bearer ${JWT}` }),
  get('/auth', {}, { authorization: `Basic ${Buffer.from("ana:it's $(secret)").toString('base64')}` }),
  get('/.well-known/openid-configuration'),
];
