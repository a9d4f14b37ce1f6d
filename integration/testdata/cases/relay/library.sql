CREATE TABLE artist (id integer PRIMARY KEY, name text NOT NULL, country text, born date);
INSERT INTO artist VALUES (1, 'Anna', 'se', '1970-01-02'), (2, 'Bo', 'no', NULL), (3, 'Cy', 'se', '1980-03-04'), (4, 'Dag', NULL, '1970-01-02');
CREATE TABLE album (id integer PRIMARY KEY, artist_id integer REFERENCES artist, title text NOT NULL, year integer, code text);
INSERT INTO album VALUES
  (1, 1, 'First', 1990, 'a1'), (2, 1, 'Second', 2003, 'a2'), (3, 1, 'Third', 2001, NULL),
  (4, 2, 'Nord', 2005, 'b1'), (5, 2, 'Öst "live" \o/', NULL, NULL), (6, 4, 'Only', 2020, 'd1'), (7, NULL, 'Nobody''s', 2011, 'n1');
CREATE TABLE track_list (album_id integer REFERENCES album, side text, number integer, title text, PRIMARY KEY (album_id, side, number));
INSERT INTO track_list VALUES (1, 'A', 1, 'One'), (1, 'A', 2, 'Two'), (1, 'B', 1, 'Three'), (2, 'A', 1, 'Four');
CREATE TABLE scribble (id integer, note text);
INSERT INTO scribble VALUES (1, 'x');
CREATE FUNCTION search_albums(term text) RETURNS SETOF album LANGUAGE sql STABLE AS $$ SELECT * FROM album WHERE title ILIKE '%' || term || '%' $$;
CREATE FUNCTION shout(artist) RETURNS text LANGUAGE sql STABLE AS $$ SELECT upper($1.name) || '!' $$;
