// Resolvers over the list of reviews.
export const resolvers = (all) => {
  const score = (album) => {
    const stars = all.filter((r) => r.album === album).map((r) => r.stars);
    if (stars.length === 0) return null;
    return {album, count: stars.length, stars: Math.floor(stars.reduce((a, b) => a + b) / stars.length)};
  };
  return {
    Query: {
      review: (_, {id}) => all.find((r) => r.id === id) ?? null,
      reviews: (_, {album, limit, atLeast}) =>
        all.filter((r) => r.album === album && r.stars >= (atLeast ?? 0)).slice(0, limit ?? undefined),
      reviewsOfAlbums: (_, {albums}) => all.filter((r) => albums.includes(r.album)),
      score: (_, {album}) => score(album),
      scores: (_, {albums}) => [...new Set(albums)].map(score).filter((s) => s !== null),
      headline: () => all.at(-1) ?? {word: 'nothing'},
      header: (_, {name}, {headers}) => headers[name.toLowerCase()] ?? null,
      broken: () => {
        throw new Error('out of order');
      },
    },
    Headline: {__resolveType: (value) => ('word' in value ? 'Word' : 'Review')},
    Stars: {__resolveType: (value) => ('count' in value ? 'Score' : 'Review')},
  };
};
