// The gateway of a federation, which composes the subgraphs it is given and
// passes on who is asking: node gateway.mjs NAME=URL… prints its URL, and ends
// with its standard input.
import {ApolloGateway, IntrospectAndCompose, RemoteGraphQLDataSource} from '@apollo/gateway';
import {ApolloServer} from '@apollo/server';
import {startStandaloneServer} from '@apollo/server/standalone';

class Passing extends RemoteGraphQLDataSource {
  willSendRequest({request, context}) {
    for (const [name, value] of Object.entries(context.headers ?? {})) {
      if (name.startsWith('x-hasura-')) request.http.headers.set(name, value);
    }
  }
}

const silent = {debug() {}, info() {}, warn: (m) => console.error(m), error: (m) => console.error(m)};
const subgraphs = process.argv.slice(2).map((s) => ({name: s.slice(0, s.indexOf('=')), url: s.slice(s.indexOf('=') + 1)}));
const gateway = new ApolloGateway({
  supergraphSdl: new IntrospectAndCompose({subgraphs}), buildService: ({url}) => new Passing({url}), logger: silent,
});
const server = new ApolloServer({gateway, logger: silent, includeStacktraceInErrorResponses: false});
const {url} = await startStandaloneServer(server, {
  listen: {port: 0, host: '127.0.0.1'}, context: async ({req}) => ({headers: req.headers}),
});
console.log(url);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
