import { type Asked, get, json, raw } from './request.ts';

const DOCUMENTS = [
  '{ films { id title } }',
  'query { film(id: 1) { title year director { name } } }',
  'query Films($first: Int!, $after: String) { films(first: $first, after: $after) { edges { node { id title } cursor } pageInfo { hasNextPage endCursor } } }',
  'query Search($q: String!) { search(query: $q, type: FILM) { ... on Film { title } ... on Person { name } } }',
  'mutation Add($input: AddRequestInput!) { addRequest(input: $input) { request { id } errors { message } } }',
  'mutation { deleteRequest(id: "42") { ok } }',
  'mutation { updateFilm(id: 7, title: "Ocean\'s Eleven") { id } }',
  'subscription { requestChanged(id: 3) { status } }',
  'query IntrospectionQuery { __schema { queryType { name } types { kind name fields(includeDeprecated: true) { name args { name } } } } }',
  'fragment F on Film { id title ...G }\nfragment G on Film { year }\nquery { films { ...F } }',
  'query ($withCast: Boolean!) { film(id: 1) { title cast @include(if: $withCast) { name } } }',
  'query {\n  # the newest ones\n  films(orderBy: { year: DESC }, where: { year: { gte: 1979 } }, limit: 10) {\n    title\n  }\n}',
  'query { viewer { repositories(first: 10, orderBy: {field: UPDATED_AT, direction: DESC}) { nodes { name } } } }',
  'query { a: film(id: 1) { title } b: film(id: 2) { title } }',
  'query { union: films(filter: "select") { from title } }',
];

export const graphql: readonly Asked[] = [
  ...DOCUMENTS.map((query) => json('/graphql', { query, variables: {} })),
  ...DOCUMENTS.map((query) =>
    json('/api/graphql', {
      operationName: null,
      query,
      variables: { q: "don't", first: 10, input: { title: 'Alien & Aliens', tags: ['a', 'b'] } },
    }),
  ),
  ...DOCUMENTS.slice(0, 8).map((query) => get('/graphql', { query, variables: '{"first":10}' })),
  json('/graphql', [{ query: DOCUMENTS[0] }, { query: DOCUMENTS[1] }]),
  json('/graphql', {
    extensions: { persistedQuery: { version: 1, sha256Hash: 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38' } },
  }),
  get('/graphql', {
    extensions: '{"persistedQuery":{"version":1,"sha256Hash":"ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"}}',
  }),
  raw('/graphql', 'application/graphql', DOCUMENTS[2] as string),
];
