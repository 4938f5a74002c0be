import { type Command, done } from '../../capability/capability.ts';

export const usersClients: Command = {
  name: 'users clients',
  summary: 'Applications that use OpenID Connect (signOn.clients); with a name, what to enter there, with its secret',
  example: 'medianest users clients grafana',
  args: '[name]',
  run: async (context, [name]) => {
    const { open } = await import('../../project/open.ts');
    const { clientOf, clientsOf } = await import('../clients.ts');
    const { table } = await import('../../ui/table.ts');
    const project = await open(context);
    if (name !== undefined) {
      const client = clientOf(project, name);
      const lines: string[][] = [
        ['client id', client.id],
        ['client secret', client.secret],
        ['issuer', client.issuer],
        ['discovery', client.discovery],
        ['scopes', client.scopes],
        ['redirect', client.redirect.join(' ')],
      ];
      return done(client, table(lines));
    }
    const clients = clientsOf(project);
    const rows = clients.map(({ id, roles, mfa, redirect }) => [id, roles.join(',') + (mfa ? ', second factor' : ''), redirect.join(' ')]);
    return done({ clients }, rows.length > 0 ? table([['CLIENT', 'FOR', 'REDIRECT'], ...rows]) : 'no clients: `signOn.clients` names them');
  },
};
