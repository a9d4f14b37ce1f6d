// Serves a schema on a free port of the loopback interface, prints the URL, and
// ends with its standard input: node serve.mjs apollo3|graphql14.
import {createRequire} from 'node:module';
import {createServer} from 'node:http';

const require = createRequire(import.meta.url);
const typeDefs = `
  enum Size { SMALL LARGE }
  type Part { id: ID!, size: Size, old: String @deprecated(reason: "worn") }
  input PartFilter { size: Size = SMALL }
  type Query { part(id: ID!): Part, parts(where: PartFilter): [Part!]! }
`;
const all = [{id: '1', size: 'SMALL'}, {id: '2', size: 'LARGE'}];
const part = ({id}) => all.find((p) => p.id === id) ?? null;
const parts = ({where}) => all.filter((p) => !where || p.size === where.size);

const apollo3 = async () => {
  const {ApolloServer, gql} = require('apollo-server');
  const server = new ApolloServer({
    typeDefs: gql(typeDefs), introspection: true,
    resolvers: {Query: {part: (_, given) => part(given), parts: (_, given) => parts(given)}},
  });
  return (await server.listen({port: 0, host: '127.0.0.1'})).url;
};

// graphql14 answers as the servers around graphql-js did: what isn't valid is a
// bad request.
const graphql14 = async () => {
  const {buildSchema, execute, parse, validate} = require('graphql14');
  const schema = buildSchema(typeDefs);
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    const {query, variables, operationName} = JSON.parse(text);
    const document = parse(query);
    const errors = validate(schema, document);
    response.writeHead(errors.length > 0 ? 400 : 200, {'content-type': 'application/json'});
    response.end(JSON.stringify(errors.length > 0 ? {errors} : await execute(schema, document, {part, parts}, null, variables, operationName)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/`;
};

console.log(await {apollo3, graphql14}[process.argv[2]]());
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
