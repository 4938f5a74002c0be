import type { ClientRequest } from 'node:http';

/** Tells of a request that ends without an answer and, to Node.js, without an error: after a change of protocol that was not asked for. */
export function onUnanswered(request: ClientRequest, who: string, tell: (error: Error) => void): void {
  let answers = false;
  request
    .once('response', () => {
      answers = true;
    })
    .once('close', () => {
      if (!answers) tell(new Error(`${who} closed the connection without an answer`));
    });
}
