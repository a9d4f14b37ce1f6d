create table artist (
  id integer primary key,
  name text not null,
  country text not null,
  founded date not null,
  rating numeric(4, 2) not null
);
insert into artist
  select i, 'Artist number ' || i, (array['SE', 'DE', 'FR', 'GB', 'US'])[1 + i % 5],
    date '1960-01-01' + (i * 37) % 20000, (i * 7 % 1000) / 100.0
  from generate_series(1, 5000) i;
create index on artist (country, name);

create table concert (
  id integer primary key,
  artist_id integer not null references artist,
  city text not null,
  played_on date not null,
  tickets integer
);
insert into concert
  select i, 1 + i % 5000, 'City ' || i % 211, date '1980-01-01' + (i * 13) % 15000, nullif(i % 977, 0)
  from generate_series(1, 100000) i;
create index on concert (artist_id, played_on desc, id);

create table member (
  id integer primary key,
  artist_id integer not null references artist,
  name text not null,
  instrument text,
  joined date not null
);
insert into member
  select i, 1 + i % 5000, 'Member number ' || i, nullif((array['voice', 'guitar', 'bass', 'drums', ''])[1 + i % 5], ''),
    date '1970-01-01' + (i * 11) % 18000
  from generate_series(1, 40000) i;
create index on member (artist_id, id);

-- 5,000 plays of 100 albums of the other database.
create table play (
  id integer primary key,
  album_id integer not null,
  listener text not null,
  seconds integer not null
);
insert into play
  select i, 1 + (i * 37) % 100 * 11, 'Listener ' || i % 300, 30 + i % 400 from generate_series(1, 5000) i;

-- The eight columns that long lists read.
create table event (
  id bigint primary key,
  kind text not null,
  place integer,
  amount numeric(12, 2) not null,
  ratio double precision not null,
  valid boolean not null,
  happened_at timestamptz not null,
  device uuid not null
);
