// A subgraph of a federation: what is in stock.
export const typeDefs = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
  type Item @key(fields: "code") @key(fields: "depot { id } bin") {
    code: ID!
    count: Int!
    bin: String
    depot: Depot
    fails: Int
  }
  type Depot @key(fields: "id region") { id: ID!, region: String!, city: String }
  type Query {
    item(code: ID!): Item
    itemNamed(name: String!): Item
    depot(id: ID!, region: String!): Depot
  }
`;

const items = {a: 1, b: 2, c: 3};
const depots = [{id: '1', region: 'n', city: 'Bergen'}, {id: '1', region: 's', city: 'Bari'}];
const item = (code) => (code in items ? {code, count: items[code]} : null);

export const resolvers = {
  Item: {
    __resolveReference: ({code}) => item(code),
    fails: ({code}) => {
      if (code === 'b') throw new Error('counting failed');
      return 0;
    },
  },
  Depot: {__resolveReference: ({id, region}) => depots.find((d) => d.id === id && d.region === region) ?? null},
  Query: {
    item: (_, {code}) => item(code),
    itemNamed: (_, {name}) => item(name),
    depot: (_, {id, region}) => depots.find((d) => d.id === id && d.region === region) ?? null,
  },
};
