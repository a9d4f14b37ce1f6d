CREATE TABLE country (id integer PRIMARY KEY, name text NOT NULL, code text NOT NULL);
CREATE TABLE author (id integer PRIMARY KEY, name text NOT NULL, email text, born date, country_id integer REFERENCES country (id));
CREATE TABLE post (id integer PRIMARY KEY, author_id integer NOT NULL REFERENCES author (id), title text NOT NULL, size integer);
INSERT INTO country (id, name, code) VALUES (1, 'Germany', 'DE'), (2, 'France', 'FR');
INSERT INTO author (id, name, email, born, country_id) VALUES
  (1, 'Ada', 'ada@example.com', '1815-12-10', 1), (2, 'Bob \ "B"', NULL, '1990-01-02', 2), (3, 'Cem', 'c@example.com', NULL, 1),
  (4, 'Dot', 'd@example.com', '2000-02-29', NULL);
INSERT INTO post (id, author_id, title, size) VALUES (1, 1, 'p1', 10), (2, 1, 'p2', 20), (3, 2, 'p3', NULL), (4, 3, 'p4', 5);
