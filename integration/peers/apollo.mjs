// Serves a fixture with Apollo Server on a free port of the loopback interface,
// prints the URL, and ends with its standard input.
import {readFileSync} from 'node:fs';
import {ApolloServer} from '@apollo/server';
import {startStandaloneServer} from '@apollo/server/standalone';

const fixture = process.argv[2];
const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const {resolvers} = await import(new URL(`${fixture}.mjs`, import.meta.url));
const server = new ApolloServer({
  typeDefs: read(`${fixture}.graphql`),
  resolvers: resolvers(JSON.parse(read(`${fixture}.json`))),
  introspection: true,
  csrfPrevention: false,
  includeStacktraceInErrorResponses: false,
});
const {url} = await startStandaloneServer(server, {
  listen: {port: 0, host: '127.0.0.1'},
  context: async ({req}) => ({headers: req.headers}),
});
console.log(url);
process.stdin.resume();
process.stdin.on('end', async () => {
  await server.stop();
  process.exit(0);
});
