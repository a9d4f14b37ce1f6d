CREATE TABLE artist (id integer PRIMARY KEY, name text NOT NULL, country text NOT NULL);
CREATE TABLE track (id integer PRIMARY KEY, album_id integer NOT NULL, title text NOT NULL, seconds integer NOT NULL);
INSERT INTO artist (id, name, country) VALUES
  (1, 'Ada', 'IE'), (2, 'Bo', 'SE'), (3, 'Cy', 'IE'), (4, 'Di', 'IE');
INSERT INTO track (id, album_id, title, seconds) VALUES
  (1, 1, 'one a', 100), (2, 1, 'one b', 200), (3, 2, 'two a', 150), (4, 3, 'three a', 300),
  (5, 3, 'three b', 310), (6, 3, 'three c', 320), (7, 7, 'seven a', 70), (8, 9, 'nine a', 90),
  (9, 9, 'nine b', 91), (10, 77, 'of no album', 1);
