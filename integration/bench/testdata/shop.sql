create table album (
  id integer primary key,
  artist_id integer not null,
  title text not null,
  released date not null,
  price numeric(8, 2) not null
);
insert into album
  select i, 1 + i % 5000, 'Album number ' || i, date '1975-01-01' + (i * 17) % 16000, (499 + i % 2000) / 100.0
  from generate_series(1, 100000) i;
create index on album (artist_id, released desc, id);
