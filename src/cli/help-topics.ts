import { GLOBAL } from './global-options.ts';

export interface Topic {
  name: string;
  summary: string;
  text: string;
}

/** What `medianest help topic X` explains: concepts, where `help COMMAND` explains a command. */
export const topics: readonly Topic[] = [
  {
    name: 'profiles',
    summary: 'What runs, and how to make a profile of your own',
    text: `A profile says which components run and how they are set up. \`medianest profiles\` lists them.

  medianest up --profile dev          one container, for a laptop
  medianest up --profile prod         everything twice or more, on one host

Which one applies: --profile, else MEDIANEST_PROFILE, else \`profile:\` in medianest.yml, else dev.
Switch components off with --without NAME,NAME, or permanently in medianest.yml:

  components:
    redis: false

A profile of your own is profiles/NAME.yml beside medianest.yml. It extends another one:

  extends: prod
  description: ours, with two replicas
  app: { replicas: 2 }`,
  },
  {
    name: 'settings',
    summary: 'medianest.yml, and where a value comes from',
    text: `The nearest medianest.yml upwards is used; without one, the defaults. Later wins:

  profile  <  medianest.yml  <  environment  <  flags

  medianest config show               every setting, its value and its origin
  medianest config validate           what is wrong, with line and nearest valid key; what has no effect here
  medianest config schema --out s.json     completion and checks in an editor
  medianest config migrate            an older file in the newest format

One setting for one run: --set edge.httpsPort=9443, or MEDIANEST_EDGE_HTTPS_PORT=9443.
A project that no setting names is called as its folder. Once started, it keeps its name (medianest config show).
All of them are in docs/settings.md.`,
  },
  {
    name: 'options',
    summary: 'What every command takes',
    text: `Before the command or after it; each has a variable that means the same.

${GLOBAL.map(([flags, description, variable]) => `  ${flags.padEnd(28)}${variable}\n      ${description}`).join('\n')}`,
  },
  {
    name: 'networks',
    summary: 'Who can reach whom, and which address ranges are used',
    text: `Six networks, each container only in those that it needs (\`medianest topology\` draws them):

  dmz      what visitors reach; the only one with published ports
  app      edge, balancer, application; never leads outside
  db       application, database router, caches, a single database; never leads outside
  control  database members, etcd, backups, with the router and the agent; never leads outside
  mgmt     administration
  out      the containers that lead from app to Plex and the others outside, each to one host

Ranges are chosen so that they overlap no route and no other Docker network, and are remembered. To fix one:

  networks:
    db: { subnet: 192.168.200.0/24 }

Docker publishes ports past ufw. Pin them to an address with edge.address, or filter in the chain DOCKER-USER.`,
  },
  {
    name: 'secrets',
    summary: 'Passwords and tokens: where they come from and where they are kept',
    text: `A secret in medianest.yml is a value, \${NAME} from the environment, or file:path (relative to medianest.yml).
Passwords you leave out are generated once.

  external:
    plex: { url: "http://192.168.1.20:32400", token: "file:./plex-token" }

They are kept in .medianest/secrets.json (mode 0600) and reach a container as a file that its user alone can read:
never as environment, argument, label or log. \`medianest secrets list\` shows names, never values.
Keep .medianest: with it goes the key to your data.`,
  },
  {
    name: 'state',
    summary: 'What is in .medianest, and what may be removed from it',
    text: `.medianest stands beside medianest.yml (or where --state says). Copy it before you move to another host.

  secrets.json, ca/        passwords and the key of the internal CA: cannot be made again
  compose.override.yml     your own additions in Compose's words; survive every render
  orders.json, releases.json, subnets.json, audit.jsonl    overrides, releases, address ranges, history
  current, generations/, config/, certs/    written again by \`medianest up\`

Data is in Docker's volumes, not here. Rendered files are not for editing: \`up\` shows an edit, and replaces it with --overwrite.`,
  },
  {
    name: 'certificates',
    summary: 'Who signs them, and how browsers come to trust them',
    text: `Inside the stack and for names that no public CA knows, an internal CA signs. It is made once, and its certificate is

  .medianest/ca/root.crt

Import it in your browser or system, and there is no warning. The certificates themselves are renewed by \`medianest up\`.
\`edge.hsts: true\` (prod has it) makes browsers insist on HTTPS for two years: turn it on once the name is right.`,
  },
  {
    name: 'deploys',
    summary: 'New versions without an outage, and the way back',
    text: `  medianest deploy --image ghcr.io/you/app:1.4.0     one replica at a time, behind the balancer
  medianest releases                                 what served when
  medianest rollback                                 the exact image before, and its settings

A replica is drained, replaced, and enabled once it has been ready for app.settleSeconds. If a replica fails to become
ready, the deploy is rolled back (exit 1). If a deploy is killed, \`status\` shows it: \`deploy\` starts it again,
\`up\` rolls it back.`,
  },
  {
    name: 'recovery',
    summary: 'When something is broken: where to look, in which order',
    text: `  medianest status          what runs, at a glance
  medianest health          what is not ok, with its remedy
  medianest doctor          the machine: memory, disk, ports, engine, clock
  medianest logs SERVICE    its output
  medianest up              repairs what it can: starts, recreates, reissues

If a command was interrupted, run it again: it continues; \`plan\` shows what it would do. medianest reclaims the lock of a
process that has exited. Nothing here deletes a volume but \`down --volumes --no-backup\`.

Host dead, disk full, no leader, certificate expired, locked out: docs/recovery.md, step by step.`,
  },
  {
    name: 'scripts',
    summary: 'Exit statuses, JSON, and running without a terminal',
    text: `--json prints one document on stdout, also for errors: {"error": {"code", "message", "hint"}}; logs prints an object
a line. Progress is on stderr; --quiet leaves it out. --yes answers every question; without it and without a terminal, nothing is assumed.

  0 done   1 failed, nothing that runs was changed   2 wrong usage or settings   3 changes are pending
  4 failed part-way; the message names the command that continues   5 unhealthy   130 interrupted

--wait-lock waits for another medianest to finish. Every flag has a variable: MEDIANEST_PROFILE, MEDIANEST_JSON, ...`,
  },
];

/** The list for \`--help\`. */
export const topicList = (): string => topics.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`).join('\n');
