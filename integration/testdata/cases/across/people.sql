CREATE TABLE team (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE person (id integer PRIMARY KEY, name text NOT NULL, team_id integer REFERENCES team (id));
INSERT INTO team (id, name) VALUES (1, 'red'), (2, 'blue');
INSERT INTO person (id, name, team_id) VALUES (1, 'Ann', 1), (2, 'Ben', 1), (3, 'Cat', 2), (4, 'Dan', NULL);
