CREATE TABLE team (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE person (id integer PRIMARY KEY, name text NOT NULL, team_id integer REFERENCES team (id), salary integer);
INSERT INTO team (id, name) VALUES (1, 'red'), (2, 'blue');
INSERT INTO person (id, name, team_id, salary) VALUES (1, 'Ann', 1, 10), (2, 'Ben', 1, 30), (3, 'Cat', 2, 20), (4, 'Dan', NULL, NULL);
