// Makers of things: interfaces, unions, enums, nested paths, mutations, errors.
import {GraphQLError} from 'graphql';

export const typeDefs = `
  "Any JSON."
  scalar JSON
  enum Region { NORTH SOUTH EAST }
  interface Node { id: ID! }
  interface Product implements Node { id: ID!, name: String!, maker: Maker, made: String }
  type Book implements Product & Node { id: ID!, name: String!, maker: Maker, made: String, pages: Int!, number: String! }
  type Tool implements Product & Node { id: ID!, name: String!, maker: Maker, made: String, watts: Int, number: Int! }
  union Thing = Book | Tool | Maker
  type Maker implements Node {
    id: ID!, name: String!, region: Region!, account: String, rank: Int, score: Float
    products(first: Int = 10): [Product!]!
    best: Product
    things: [Thing!]!
    secret: String
    fails: String
  }
  type Shelf { number: Int!, products(limit: Int): [Product!]!, first: Product }
  type Catalogue { region: Region!, shelf(number: Int!): Shelf, size: Int! }
  input Between { from: Int, to: Int = 1000 }
  input MakerFilter { ids: [ID!], region: Region, name: String, rank: Between, not: MakerFilter, any: [MakerFilter!] }
  input NewMaker { name: String!, region: Region = NORTH, account: String, rank: Int }
  type Query {
    maker(id: ID!): Maker
    makers(where: MakerFilter, limit: Int, offset: Int = 0): [Maker!]!
    makersById(ids: [ID!]!): [Maker]!
    makersIn(region: Region!, minimum: Int): [Maker!]!
    product(id: ID!): Product
    thing(id: ID!): Thing
    things(of: ID!): [Thing!]!
    catalogue(region: Region!): Catalogue
    empty(region: Region): Catalogue
    greeting(name: String!, times: Int = 1): String!
    regionOf(maker: ID!): Region
    account(number: String!): Maker
    price(maker: Int!, product: String!): Float
    echo(value: JSON, list: [[Int!]], filter: MakerFilter, flag: Boolean, region: Region, between: Between): String!
    header(name: String!): String
    login(user: String!): String
    broken(id: ID!): Maker
    brokenStrict(id: ID!): Maker!
    slow(id: ID!, milliseconds: Int!): String
  }
  type Mutation {
    addMaker(maker: NewMaker!): Maker!
    rename(id: ID!, name: String!): Maker
    remove(id: ID!): Boolean!
    note(text: String!): [String!]!
    failing: String
  }
`;

const original = () => [
  {kind: 'Maker', id: 'm1', name: 'Anvil', region: 'NORTH', account: '9007199254740993', rank: 1, score: 1.5},
  {kind: 'Maker', id: 'm2', name: 'Bellow', region: 'SOUTH', account: '9007199254740992', rank: 2, score: 2},
  {kind: 'Maker', id: 'm3', name: 'Crane', region: 'NORTH', account: null, rank: 30, score: null},
  {kind: 'Maker', id: '4', name: 'Drill', region: 'EAST', account: '4', rank: null, score: 0.1},
];
let makers = original();
const notes = [];
const products = [
  {kind: 'Book', id: 'p1', name: 'Iron', by: 'm1', pages: 100, number: 'one', made: '2001'},
  {kind: 'Tool', id: 'p2', name: 'Saw', by: 'm1', watts: 500, number: 2, made: null},
  {kind: 'Tool', id: 'p3', name: 'Lamp', by: 'm2', watts: null, number: 3, made: '2003'},
];
const byMaker = (id) => products.filter((p) => p.by === id);
const holds = (m, f) =>
  !f || (
    (!f.ids || f.ids.includes(m.id)) && (!f.region || m.region === f.region) && (!f.name || m.name === f.name) &&
    (!f.rank || (m.rank !== null && m.rank >= (f.rank.from ?? 0) && m.rank <= f.rank.to)) &&
    (!f.not || !holds(m, f.not)) && (!f.any || f.any.some((x) => holds(m, x)))
  );
const find = (id) => makers.find((m) => m.id === id) ?? null;
const kindOf = {__resolveType: (value) => value.kind};
const product = {maker: (p) => find(p.by)};

export const resolvers = {
  Node: kindOf, Product: kindOf, Thing: kindOf, Book: product, Tool: product,
  Maker: {
    products: (m, {first}) => byMaker(m.id).slice(0, first),
    best: (m) => byMaker(m.id).at(-1) ?? null,
    things: (m) => [...byMaker(m.id), m],
    secret: () => 'sesame',
    fails: (m) => {
      if (m.id === 'm2') throw new GraphQLError('no such luck', {extensions: {code: 'LUCK', maker: m.id}});
      return 'fine';
    },
  },
  Catalogue: {
    shelf: (c, {number}) => (number > 2 ? null : {number, region: c.region}),
    size: (c) => makers.filter((m) => m.region === c.region).length,
  },
  Shelf: {
    products: (s, {limit}) => makers.filter((m) => m.region === s.region).flatMap((m) => byMaker(m.id)).slice(s.number - 1).slice(0, limit ?? 100),
    first: (s) => makers.filter((m) => m.region === s.region).flatMap((m) => byMaker(m.id))[s.number - 1] ?? null,
  },
  Query: {
    maker: (_, {id}) => find(id),
    makers: (_, {where, limit, offset}) => makers.filter((m) => holds(m, where)).slice(offset).slice(0, limit ?? 100),
    makersById: (_, {ids}) => ids.map(find).reverse(),
    makersIn: (_, {region, minimum}) => makers.filter((m) => m.region === region && (m.rank ?? 0) >= (minimum ?? 0)),
    product: (_, {id}) => products.find((p) => p.id === id) ?? null,
    thing: (_, {id}) => products.find((p) => p.id === id) ?? find(id),
    things: (_, {of}) => [...byMaker(of), ...(find(of) ? [find(of)] : [])],
    catalogue: (_, {region}) => ({region}),
    empty: () => null,
    greeting: (_, {name, times}) => `hello ${name}`.repeat(times),
    regionOf: (_, {maker}) => find(maker)?.region ?? null,
    account: (_, {number}) => makers.find((m) => m.account === number) ?? null,
    price: (_, {maker, product}) => (product === 'none' ? null : maker * 100 + product.length),
    echo: (_, args) => JSON.stringify(args),
    header: (_, {name}, {headers}) => headers[name.toLowerCase()] ?? null,
    login: (_, {user}, {cookie}) => {
      cookie(`user=${user}; Path=/`);
      cookie('seen=1');
      return user;
    },
    broken: (_, {id}) => {
      if (id === 'm2') throw new GraphQLError('maker is out', {extensions: {code: 'OUT'}});
      return find(id);
    },
    brokenStrict: (_, {id}) => {
      if (id === 'm2') throw new GraphQLError('maker is out');
      return find(id);
    },
    slow: async (_, {id, milliseconds}) => {
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      return id;
    },
  },
  Mutation: {
    addMaker: (_, {maker}) => {
      const added = {kind: 'Maker', id: `m${makers.length + 1}`, account: null, rank: null, score: null, ...maker};
      makers.push(added);
      return added;
    },
    rename: (_, {id, name}) => {
      const m = find(id);
      if (m) m.name = name;
      return m;
    },
    remove: (_, {id}) => {
      const before = makers.length;
      makers = makers.filter((m) => m.id !== id);
      return makers.length < before;
    },
    note: (_, {text}) => {
      notes.push(text);
      return [...notes];
    },
    failing: () => {
      throw new GraphQLError('mutation refused', {extensions: {code: 'REFUSED'}});
    },
  },
};
