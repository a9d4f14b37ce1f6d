CREATE TABLE person (id integer PRIMARY KEY, name text NOT NULL, email text NOT NULL);
CREATE TABLE purchase (
  id integer PRIMARY KEY, album_id integer NOT NULL, person_id integer NOT NULL REFERENCES person (id), price integer NOT NULL
);
INSERT INTO person (id, name, email) VALUES (1, 'Pia', 'pia@example.com'), (2, 'Quy', 'quy@example.com'), (3, 'Rex', 'rex@example.com');
INSERT INTO purchase (id, album_id, person_id, price) VALUES
  (1, 1, 1, 10), (2, 1, 2, 12), (3, 3, 1, 9), (4, 7, 1, 7), (5, 7, 2, 8), (6, 7, 3, 9), (7, 9, 3, 20), (8, 12, 1, 5), (9, 3, 2, 11);
