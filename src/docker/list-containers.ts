import http from 'node:http';

/** All containers with a label, running or not, asked at the engine's socket: what most commands ask first, and often all they ask. */
export function listContainers<T>(socketPath: string, label: string): Promise<T[]> {
  const path = `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`;
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        try {
          const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
          if (response.statusCode === 200) resolve(body as T[]);
          else reject(Object.assign(new Error(`status ${response.statusCode}`), { json: body }));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('error', reject);
  });
}
