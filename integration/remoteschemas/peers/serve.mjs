// Serves a fixture on a free port of the loopback interface, prints the URL,
// and ends with its standard input: node serve.mjs apollo|yoga|subgraph FIXTURE.
import {createServer} from 'node:http';

const [kind, fixture] = process.argv.slice(2);
const {typeDefs, resolvers, rules = []} = await import(new URL(`${fixture}.mjs`, import.meta.url));

const apollo = async (source) => {
  const {ApolloServer} = await import('@apollo/server');
  const {startStandaloneServer} = await import('@apollo/server/standalone');
  const {ApolloServerPluginInlineTraceDisabled} = await import('@apollo/server/plugin/disabled');
  const server = new ApolloServer({
    ...source, introspection: true, csrfPrevention: false, includeStacktraceInErrorResponses: false, validationRules: rules,
    plugins: [ApolloServerPluginInlineTraceDisabled()], // it greets on standard output
  });
  const {url} = await startStandaloneServer(server, {
    listen: {port: 0, host: '127.0.0.1'},
    context: async ({req, res}) => ({headers: req.headers, cookie: (value) => res.appendHeader('set-cookie', value)}),
  });
  return url;
};

const yoga = async () => {
  const {createSchema, createYoga} = await import('graphql-yoga');
  const server = createServer(createYoga({
    schema: createSchema({typeDefs, resolvers}), graphqlEndpoint: '/', logging: false, maskedErrors: false,
    plugins: rules.map((rule) => ({onValidate: ({addValidationRule}) => addValidationRule(rule)})),
    context: ({req, res}) => ({headers: req.headers, cookie: (value) => res.appendHeader('set-cookie', value)}),
  }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/`;
};

const subgraph = async () => {
  const {buildSubgraphSchema} = await import('@apollo/subgraph');
  const {parse} = await import('graphql');
  return apollo({schema: buildSubgraphSchema({typeDefs: parse(typeDefs), resolvers})});
};

const start = {apollo: () => apollo({typeDefs, resolvers}), yoga, subgraph}[kind];
console.log(await start());
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
