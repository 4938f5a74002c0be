import { addresses } from './addresses.ts';
import { bodies } from './bodies.ts';
import { clients } from './clients.ts';
import { cookies } from './cookies.ts';
import { files } from './files.ts';
import { forms } from './forms.ts';
import { graphql } from './graphql.ts';
import { notes } from './notes.ts';
import { oauth } from './oauth.ts';
import type { Asked } from './request.ts';
import { rest } from './rest.ts';
import { searches } from './searches.ts';
import { sockets } from './sockets.ts';
import { staticFiles } from './static-files.ts';
import { titles } from './titles.ts';
import { webhooks } from './webhooks.ts';

/** What people and programs send that mean no harm, by kind: none of it may be refused at paranoia 1. */
export const BENIGN: Readonly<Record<string, readonly Asked[]>> = {
  addresses,
  bodies,
  clients,
  cookies,
  files,
  forms,
  graphql,
  notes,
  oauth,
  rest,
  searches,
  sockets,
  staticFiles,
  titles,
  webhooks,
};
