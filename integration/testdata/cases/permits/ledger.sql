CREATE TABLE entitlement (team_id integer NOT NULL, action text NOT NULL, PRIMARY KEY (team_id, action));
CREATE TABLE payment (id integer PRIMARY KEY, person_id integer, amount integer NOT NULL);
INSERT INTO entitlement (team_id, action) VALUES (1, 'audit'), (2, 'pay');
INSERT INTO payment (id, person_id, amount) VALUES (1, 1, 60), (2, 2, 5), (3, 3, 70), (4, NULL, 90), (5, 4, 1);
