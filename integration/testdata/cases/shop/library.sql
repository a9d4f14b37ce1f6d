CREATE TABLE album (id integer PRIMARY KEY, artist_id integer, title text NOT NULL, year integer NOT NULL, code text);
INSERT INTO album (id, artist_id, title, year, code) VALUES
  (1, 1, 'First', 1990, 'a1'), (2, 1, 'Second', 2003, 'a2'), (3, 1, 'Third', 2001, 'a3'),
  (4, 1, 'Fourth', 2003, 'a4'), (5, 1, 'Fifth', 2010, 'a5'), (6, 1, 'Sixth', 1999, NULL),
  (7, 2, 'Nord', 2005, 'b1'), (8, 2, 'Syd', 1995, 'b2'), (9, 4, 'Only', 2020, 'd1'),
  (10, NULL, 'Nobody''s', 2011, 'n1'), (11, 99, 'Lost', 2012, 'n2'), (12, 2, 'Öst "live" \o/', 2006, 'b3');
