import { COOKIES } from '../waf-cases.ts';
import type { Asked } from './request.ts';

const JARS = [
  '_ga=GA1.1.123456789.1700000000; _ga_ABCDEF1234=GS1.1.1700000000.3.1.1700000500.0.0.0',
  '_gcl_au=1.1.123456789.1700000000; _fbp=fb.1.1700000000000.123456789; _fbc=fb.1.1700000000000.IwAR0abc-_x',
  '_pk_id.1.1fff=abcdef0123456789.1700000000.; _pk_ses.1.1fff=1; _pk_ref.1.1fff=%5B%22%22%2C%22%22%2C1700000000%2C%22https%3A%2F%2Fwww.google.com%2F%22%5D',
  '__utma=1.123.1700000000.1700000000.1700000000.1; __utmz=1.1700000000.1.1.utmcsr=google|utmccn=(organic)|utmcmd=organic|utmctr=(not%20provided)',
  'CookieConsent={stamp:%27abcDEF==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:false%2Cmarketing:false%2Cver:1%2Cutc:1700000000000%2Cregion:%27de%27}',
  'OptanonConsent=isGpcEnabled=0&datestamp=Wed+Nov+15+2023+10%3A00%3A00+GMT%2B0100&version=202309.1.0&groups=C0001%3A1%2CC0002%3A0; OptanonAlertBoxClosed=2023-11-15T09:00:00.000Z',
  'euconsent-v2=CPxyz.YAAAAAAAAAA; cookieyes-consent=consentid:abc,consent:yes,action:yes,necessary:yes',
  '_hjSessionUser_123=eyJpZCI6ImFiYyIsImNyZWF0ZWQiOjE3MDAwMDAwMDB9; _hjSession_123=eyJpZCI6IjEifQ==',
  'ajs_anonymous_id=%228f3e2d1c-0000-4000-8000-1234567890ab%22; ajs_user_id=null',
  'mp_abc_mixpanel=%7B%22distinct_id%22%3A%20%22%24device%3A18abc%22%2C%22%24device_id%22%3A%20%2218abc%22%2C%22%24initial_referrer%22%3A%20%22%24direct%22%7D',
  'amplitude_id_abcexample.org=eyJkZXZpY2VJZCI6ImFiYyIsInVzZXJJZCI6bnVsbH0=',
  'intercom-session-abc=UkVXYVhQ--ab12; intercom-device-id-abc=8f3e2d1c-0000',
  'connect.sid=s%3AabcDEF.kq3F%2Bw%2F9z; XSRF-TOKEN=eyJpdiI6Ikx%3D; laravel_session=eyJpdiI6IkxhcmF2ZWwifQ%3D%3D',
  'PHPSESSID=abcdef0123456789; JSESSIONID=0123456789ABCDEF.node1; ASP.NET_SessionId=abcdefghijklmnop',
  '.AspNetCore.Antiforgery.abc=CfDJ8A_x-y; .AspNetCore.Cookies=CfDJ8A_x-yz',
  'django_language=pt-br; csrftoken=abcDEF0123456789; sessionid=abc.def:1rXyz:sig-_',
  'wordpress_test_cookie=WP%20Cookie%20check; wp-settings-1=libraryContent%3Dbrowse%26editor%3Dtinymce; wp-settings-time-1=1700000000',
  'grafana_session=0123456789abcdef; grafana_session_expiry=1700000000',
  'cf_clearance=abc.DEF-1700000000-0-1-abc.def; __cf_bm=abc-1700000000-0-AQ==',
  'rememberMe=true; lang=en; tz=Europe%2FBerlin; theme=dark',
  'last_search=%22don%27t%20look%20up%22; viewed=1%7C2%7C3',
  'cart=[{"id":1,"n":2},{"id":2,"n":1}]',
  'next=/requests?page=2; flash=Saved%21%20%26%20closed',
  'state=a.b.c; nonce=%24argon2id%24v%3D19%24m%3D65536',
];

export const cookies: readonly Asked[] = [...COOKIES, ...JARS].map((cookie) => ({
  name: `cookie ${cookie}`,
  path: '/',
  headers: { cookie },
}));
