// A subgraph that adds to the entities of another one: where products are.
export const typeDefs = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
  type product @key(fields: "id") { id: Int!, weight: Int!, place: place }
  type place @key(fields: "region number") { region: String!, number: Int!, free: Int! }
  type Query { heaviest(first: Int!): [product!]!, places: [place!]! }
`;

const product = (id) => ({id, weight: (id * 7) % 10, place: id === 3 ? null : place('north', id)});
const place = (region, number) => ({region, number, free: number * 10});

export const resolvers = {
  product: {__resolveReference: ({id}) => product(id)},
  place: {__resolveReference: ({region, number}) => place(region, number)},
  Query: {
    heaviest: (_, {first}) => [1, 2, 3, 99].map(product).sort((a, b) => b.weight - a.weight).slice(0, first),
    places: () => [place('north', 1), place('north', 2), place('south', 1), place('north', 1)],
  },
};
