// A library whose posts name others by lists.
export const typeDefs = `
  enum Mood { CALM LOUD }
  type Post {
    id: Int!, authorIds: [Int], readerIds: [ID!]!, moods: [Mood!], grid: [[Int!]!]
  }
  type Author { id: Int!, name: String! }
  type Query {
    posts: [Post!]!
    authors(ids: [Int!]!, first: Int): [Author!]!
    slots(ids: [Int]!): [Author]!
    readers(ids: [String!]!): [String!]!
    moody(moods: [Mood!]!, id: Int): Int!
    sum(grid: [[Int!]!]!): Int!
    one(id: Int!): Author
    version: Version!
    big(size: Int!): String!
  }
  type Version { number(of: Int!): String!, parts: [String!]! }
`;

const names = {1: 'Ann', 2: 'Ben', 3: 'Cid'};
const author = (id) => (id in names ? {id, name: names[id]} : null);
const posts = [
  {id: 1, authorIds: [1, 2], readerIds: ['7', 'x'], moods: ['CALM'], grid: [[1, 2], [3]]},
  {id: 2, authorIds: null, readerIds: [], moods: null, grid: null},
  {id: 3, authorIds: [], readerIds: ['7', 'x'], moods: [], grid: []},
  {id: 4, authorIds: [2, null, 9, 2], readerIds: ['é"'], moods: ['LOUD', 'CALM'], grid: [[]]},
  {id: 5, authorIds: [1, 2], readerIds: [], moods: ['CALM'], grid: [[1, 2], [3]]},
];

export const resolvers = {
  Query: {
    posts: () => posts,
    authors: (_, {ids, first}) => ids.map(author).filter(Boolean).slice(0, first ?? undefined),
    slots: (_, {ids}) => ids.map(author),
    readers: (_, {ids}) => ids.map((id) => `reader ${id}`),
    moody: (_, {moods}) => moods.length,
    sum: (_, {grid}) => grid.flat().reduce((a, b) => a + b, 0),
    one: (_, {id}) => author(id),
    version: () => ({number: ({of}) => `v${of}`, parts: ['a', 'b']}),
    big: (_, {size}) => 'x'.repeat(size),
  },
};
