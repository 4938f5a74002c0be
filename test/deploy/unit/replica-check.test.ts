import { expect, it } from 'vitest';
import { replicaCheck } from '../../../src/deploy/plan/replica-check.ts';

it.each([
  [['app-1', 'app-2'], 'ok', '2 of 2 replicas serve visitors', undefined],
  [['app-2'], 'warn', '1 of 2 replicas serve visitors', 'medianest logs app-1, then medianest up'],
  [[], 'fail', '0 of 2 replicas serve visitors', 'medianest logs app-1 app-2, then medianest up'],
  // A slot that no longer belongs to the stack is none of its replicas.
  [['app-1', 'app-9'], 'warn', '1 of 2 replicas serve visitors', 'medianest logs app-2, then medianest up'],
  [undefined, 'warn', 'cannot tell which replicas serve: balancer does not say', 'medianest why balancer'],
])('with %j in service it is %s', (serving, status, message, remedy) => {
  expect(replicaCheck('balancer', ['app-1', 'app-2'], serving)).toMatchObject({
    id: 'replicas',
    status,
    message,
    ...(remedy && { remedy }),
  });
});
